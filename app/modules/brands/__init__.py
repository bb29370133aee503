"""Makers of products."""
