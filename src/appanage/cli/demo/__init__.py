"""The demonstration: organizations, people and an app to try everything with."""
