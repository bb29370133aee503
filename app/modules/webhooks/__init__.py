"""Webhooks: events are sent to addresses of others, signed, and again until they arrive."""
