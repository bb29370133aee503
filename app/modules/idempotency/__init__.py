"""First answers to idempotency keys, so that a retry has no second effect."""
