"""Tokens that work once, as long as the account to which they belong stays as it is."""
