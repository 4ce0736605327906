"""The App Hub: what everybody may look at, with or without an account."""
