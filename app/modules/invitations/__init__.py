"""Invitations: one-time links by which users set their first password, or another one, themselves."""
