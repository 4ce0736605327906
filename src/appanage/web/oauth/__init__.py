"""The protocol's endpoints."""
