"""Kills the API, the sealer and PostgreSQL with SIGKILL under a write load, and then accounts for every write."""
