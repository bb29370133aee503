"""The kind of job that begins a reset, which is declared where services can ask for it."""

from app.modules.invitations.resets.kind import begin_reset

__all__ = ["begin_reset"]
