"""What apps are registered with; a bot's address is its own, so its draft is a fixture."""

INTEGRATION = {
    "type": "integration",
    "name": "Meeting Notes",
    "description": "Writes the notes of your meetings.",
    "contactEmail": "dana@northwind.example",
    "redirectUrls": ["https://notes.example/callback", "http://localhost:4000/callback"],
    "scopes": ["meeting:schedules_read", "spark:people_read"],
}
