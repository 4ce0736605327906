"""What belongs to every person: profile, theme, sessions."""
