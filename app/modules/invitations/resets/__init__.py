"""Resets of passwords, which people ask for themselves."""
