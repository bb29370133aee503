"""Typed fields that schemas and models share: text, time, money, internet addresses."""
