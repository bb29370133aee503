"""The form of an API key."""
