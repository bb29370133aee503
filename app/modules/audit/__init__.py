"""The record: who asked what, and who changed what from which value to which."""

from app.modules.audit.history import add_history

__all__ = ["add_history"]
