"""The pages of those who run the platform: reviewing apps, suspending them, looking at what was sent."""
