"""Asks those who may approve a change."""
