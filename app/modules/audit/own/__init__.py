"""What the caller changed, for everybody."""
