"""The record: who asked what, and who changed what from which value to which."""

from app.modules.audit.history import History, add_history
from app.modules.audit.schemas import ChangeRead, HistoryQuery

__all__ = ["ChangeRead", "History", "HistoryQuery", "add_history"]
