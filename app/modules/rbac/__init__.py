"""Enforcement of permissions: authentication and its cache, the policy guard, explanations, versions, menus."""

from app.modules.rbac.engine.acting import Acting, acting_key, acting_user
from app.modules.rbac.engine.effects import EFFECTS, GRANT, Effects, find_named
from app.modules.rbac.schemas import Ground, WhoCanQuery
from app.modules.rbac.service import ExplainService, explanation

__all__ = [
    "EFFECTS",
    "GRANT",
    "Acting",
    "Effects",
    "ExplainService",
    "Ground",
    "WhoCanQuery",
    "acting_key",
    "acting_user",
    "explanation",
    "find_named",
]
