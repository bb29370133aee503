"""Replay equality: random operations over HTTP, then whether the audit log tells all. It imports nothing of `app`."""
