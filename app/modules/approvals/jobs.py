"""The kind of job that asks for approval, which is declared where services can ask for it."""

from app.modules.approvals.asking.kind import ask_approvers

__all__ = ["ask_approvers"]
