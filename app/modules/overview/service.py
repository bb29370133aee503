"""Puts together what the modules of access know about one user."""

from typing import Any
from uuid import UUID

from app.core.clock import now
from app.core.config import AuthSettings
from app.core.context import Principal
from app.core.db.session import ReadSession
from app.modules.api_keys import ApiKeyQuery, ApiKeyService
from app.modules.auth import failed_attempts
from app.modules.overview.schemas import HeldPermission, LeftOut
from app.modules.rbac import ExplainService, explanation
from app.modules.roles import AssignmentService, HolderRepository, ModuleRepository
from app.modules.second_factor import SecondFactorService
from app.modules.sessions import LoginQuery, SessionAdmin, SessionQuery
from app.modules.users import UserRepository

EXPLAIN = "roles:read"
"""The permission that explanations need."""
FEW = 10
"""Items of each list."""


class OverviewService:
    """Overviews of users."""

    def __init__(self, session: ReadSession) -> None:
        self.session = session

    async def read(self, user_id: UUID, caller: Principal, settings: AuthSettings) -> dict[str, Any]:
        """All about a user that the caller may read. Raises NotFound."""
        session, users = self.session, UserRepository(self.session)
        user, may_explain = await users.get(user_id), caller.may(EXPLAIN)
        attempts = await failed_attempts(session, user_id)
        logins = LoginQuery.model_validate({"user_id": [user_id], "limit": FEW})
        sessions = SessionAdmin(session)
        return {
            "user": user,
            "last_sign_in_at": await users.last_sign_in(user_id),
            "has_second_factor": (await SecondFactorService(session).read(user_id)).enrolled,
            "is_locked": any(each.blocked_until for each in attempts),
            "failed_attempts": attempts,
            "assignments": (await AssignmentService(session).roles(user_id)).assignments,
            "permissions": await self.permissions(user_id) if may_explain else None,
            "sessions": await sessions.page(user_id, caller.session_id, SessionQuery(limit=FEW), settings),
            "api_keys": await ApiKeyService(session).page(user_id, ApiKeyQuery(limit=FEW)),
            "logins": await sessions.logins(logins),
            "left_out": [] if may_explain else [LeftOut(part="permissions", permission=EXPLAIN)],
        }

    async def permissions(self, user_id: UUID) -> list[HeldPermission]:
        """What a user holds now, with the reasons that an explanation of each gives."""
        every = await ModuleRepository(self.session).permissions()
        [(row, paths)] = await HolderRepository(self.session).with_grant_paths([user_id])
        at, version = now(), await ExplainService(self.session).version()
        explained = [explanation(row, paths, name, at, version) for name in sorted(every) if "@" not in name]
        return [
            HeldPermission(permission=each.permission, scopes=each.scopes, reasons=each.reasons)
            for each in explained
            if each.allowed
        ]
