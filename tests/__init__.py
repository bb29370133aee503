"""The test suite: real databases, a real HTTP client, no mocks of our own code."""
