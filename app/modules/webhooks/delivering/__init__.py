"""Delivers events to webhooks: what is sent, when it is sent again, and when a webhook is paused."""
