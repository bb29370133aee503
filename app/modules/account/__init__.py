"""The caller's own account: profile, password and second factor."""
