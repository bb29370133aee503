"""Enforcement of permissions: authentication and its cache, the policy guard, explanations, versions, menus."""

from app.modules.rbac.schemas import Ground
from app.modules.rbac.service import ExplainService, explanation

__all__ = ["ExplainService", "Ground", "explanation"]
