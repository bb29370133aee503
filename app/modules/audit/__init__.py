"""The record: who asked what, and who changed what from which value to which."""

from typing import Annotated

from app.core.db import reading
from app.modules.audit.schemas import ChangeRead, HistoryQuery
from app.modules.audit.service import ChangeService

History = Annotated[ChangeService, reading(ChangeService)]

__all__ = ["ChangeRead", "History", "HistoryQuery"]
