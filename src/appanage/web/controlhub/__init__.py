"""Control Hub, the console of administrators."""
