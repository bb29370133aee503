"""The kind of job that delivers events, which is declared where services can ask for it."""

from app.modules.webhooks.delivering.kind import deliver

__all__ = ["deliver"]
