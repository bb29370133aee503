"""The present names of what entries tell of by id: items, users, and what changed fields refer to."""
