"""The test suite: real databases, a real HTTP client, no imitation of our own code."""
