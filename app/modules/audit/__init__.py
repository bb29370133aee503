"""The audit log: the access log (one entry for each request) and the change log (one entry for each changed row)."""

from app.modules.audit.erasure.router import add_erasure
from app.modules.audit.items.router import add_history

__all__ = ["add_erasure", "add_history"]
