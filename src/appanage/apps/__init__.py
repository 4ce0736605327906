"""What developers make: apps, their credentials and the scopes they ask for."""
