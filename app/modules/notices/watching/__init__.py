"""Watches the changes of every transaction for what users are told."""
