"""Modules and their groups: what the code declares, and what an administrator makes of it."""
