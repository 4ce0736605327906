"""Letters about what happened, written from events and sent by SMTP."""
