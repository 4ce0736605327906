"""The app store: what developers hand in, what reviewers decide, what everybody sees."""
