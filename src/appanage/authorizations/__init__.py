"""Who allowed what: authorizations, the tokens that come of them, and their end."""
