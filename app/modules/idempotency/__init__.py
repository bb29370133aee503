"""Stores the first response to an idempotency key, so that a retry has no second effect."""
