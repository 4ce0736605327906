"""The Developer Portal."""
