"""Throttling of guesses at passwords and codes."""
