"""Proof that an authenticated caller is still the same person."""
