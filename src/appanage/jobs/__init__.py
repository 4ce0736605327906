"""What the platform does by itself, on a queue that PostgreSQL keeps."""
