"""What tests share: a world to tell stories in, a browser that is strict about pages, a live server."""
