"""Explanations of permissions."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from app.core.clock import now
from app.core.context import ALL_ROWS, EVERYTHING, Principal, in_short, scopes_in
from app.core.db.pagination import RowPage
from app.core.db.session import AnyRow, ReadSession, Session
from app.core.errors import NotFound, invalid
from app.modules.rbac.engine.conditions import asked_conditions
from app.modules.rbac.engine.effects import GRANT, find_named
from app.modules.rbac.repository import VersionRepository
from app.modules.rbac.schemas import (
    ExplainAllQuery,
    ExplainQuery,
    Explanation,
    Ground,
    OwnExplanation,
    UserExplanation,
    UserQuestion,
    WhoCanQuery,
)
from app.modules.rbac.versions.past_policy import read_past_policy
from app.modules.roles import (
    GrantPath,
    HolderRepository,
    ModuleRepository,
    granted_permissions,
    held_by,
    inactive_links,
)
from app.modules.users import UserRepository

SENTENCES = {
    "grants": "The role {role} grants it.",
    "user-deleted": "The user is deleted.",
    "user-inactive": "The user is not active.",
    "assignment-inactive": "The assignment of the role {role} is not active.",
    "assignment-not-started": "The assignment of the role {role} begins on {valid_from}.",
    "assignment-expired": "The assignment of the role {role} ended on {valid_until}.",
    "role-deleted": "The role {role} is deleted.",
    "role-inactive": "The role {role} is not active.",
    "grant-inactive": "The grant of the role {role} is not active.",
    "module-inactive": "The module {slug} is not active.",
    "group-inactive": "The group of the module {slug} is not active.",
    "scope-inactive": "The role {role} has the module {slug} in a scope that the code declares no more.",
    "flag-missing": "The role {role} has the module {slug}, but not this action.",
    "action-inactive": "The role {role} has this action, which the code declares no more.",
}

POLICY_READ = ("roles:read", "audit:read")
"""One of these is needed to read the policy."""
GIVING = ("users:update", "users:read", "roles:read")
"""What it needs to give a role to a user: see `POST /roles/{id}/users`."""
KEY_SCOPE, NO_GRANT = "key-scope", "no-grant"
"""Reasons why a credential does not give what its user holds, and why a user holds nothing of a module."""


class PolicyMoment(NamedTuple):
    """An instant, and the version of the policy then."""

    at: datetime
    version: int


class ExplainService:
    """Explains permissions, with the same functions that enforce them."""

    def __init__(self, session: Session | ReadSession) -> None:
        self.rows = HolderRepository(session)

    async def explain(self, query: ExplainQuery) -> Explanation:
        """Whether a user, hidden or not, holds a permission, and why. Raises NotFound, Invalid, ListTimedOut."""
        await self.check_permission(query.permission)
        row, paths, moment = await self.read_user(query)
        found = explanation(row, paths, query.permission, *moment)
        return found if query.at else (await self.with_conditions([found]))[0]

    async def explain_all(self, query: ExplainAllQuery) -> UserExplanation:
        """Every permission that a user holds, and why. Raises NotFound, Invalid, ListTimedOut."""
        row, paths, moment = await self.read_user(query)
        names = [name for name in sorted(await ModuleRepository(self.rows.session).permissions()) if "@" not in name]
        every = [explanation(row, paths, name, *moment) for name in names]
        listed = [item for item in every if item.allowed or (query.near_misses and item.near_misses)]
        at, version = moment
        return UserExplanation(user_id=row.id, username=row.username, at=at, policy_version=version, permissions=listed)

    async def read_user(self, question: UserQuestion) -> tuple[Any, list[GrantPath], PolicyMoment]:
        """The user with every grant path, and the moment that is asked about. Raises NotFound, Invalid."""
        user_id = question.user_id or await UserRepository(self.rows.session).id_of(question.username or "")
        if user_id is None:
            raise NotFound("There is no user of this name.")
        users, moment = await self.read([user_id], question.at)
        if not users:
            raise NotFound(f"There {'is' if question.at is None else 'was'} no user {user_id}.")
        return *users[0], moment

    async def read(
        self, user_ids: Sequence[UUID], at: datetime | None = None
    ) -> tuple[list[tuple[Any, list[GrantPath]]], PolicyMoment]:
        """These users with every grant path, at an instant or now. Raises Invalid, ListTimedOut."""
        if at is None:
            return await self.rows.with_grant_paths(user_ids), PolicyMoment(now(), await self.version())
        past = await read_past_policy(self.rows.session, at, user_ids)
        return past.users(), PolicyMoment(at, past.version)

    async def who_can(self, query: WhoCanQuery) -> RowPage:
        """A page of the users who hold a permission. It may be shorter than `limit` without being the last."""
        await self.check_permission(query.permission)
        slug = query.permission.partition(":")[0]
        page = await self.rows.page_of_candidates(slug, query)
        users, moment = await self.read([row.id for row in page.items])
        by_id = {row.id: (row, paths) for row, paths in users}
        items = [explanation(*by_id[row.id], query.permission, *moment) for row in page.items]
        listed = [item for item in items if item.allowed or query.near_misses]
        return replace(page, items=await self.with_conditions(listed))

    async def with_conditions(self, found: list[Explanation]) -> list[Explanation]:
        """These explanations with what the roles of their users ask besides."""
        asked = await asked_conditions(self.rows.session, [each.user_id for each in found], now())
        return [each.model_copy(update={"conditions": asked[each.user_id]}) for each in found]

    async def check_permission(self, permission: str) -> None:
        """Raise Invalid for a permission that no module has, or had once."""
        if permission not in await ModuleRepository(self.rows.session).permissions():
            raise invalid("/query/permission", "There is no such permission.", "unknown-permission")

    async def version(self) -> int:
        return await VersionRepository(self.rows.session).current()


class OwnExplainService(ExplainService):
    """Explains to callers what they may do themselves, by the same functions."""

    async def explain_own(self, caller: Principal, permission: str, rules: Iterable[str]) -> OwnExplanation:
        """Whether the caller holds a permission, why not, and who can give it. Raises Invalid.

        `rules` are those of approvals. Names of roles that the caller does not have are for readers of the policy.
        """
        found = await self.explain(ExplainQuery(user_id=caller.user_id, permission=permission))
        scopes = caller.scopes_of(permission)
        may_read = any(caller.scopes_of(name) for name in POLICY_READ)
        return OwnExplanation(
            **found.model_dump(exclude={"allowed", "scopes"}),
            allowed=bool(scopes),
            scopes=sorted(scopes),
            obstacles=[] if scopes else await self.obstacles_of(found),
            granted_by=await self.find_granting_roles(permission) if may_read else None,
            given_with=list(GIVING),
            needs_approval=any(find_named(rule, [permission]) for rule in rules if rule.startswith(GRANT)),
        )

    async def obstacles_of(self, found: Explanation) -> list[str]:
        """Why the credential of a caller does not give what is explained."""
        if found.allowed:
            return [KEY_SCOPE]
        slugs = {row.slug for row in await ModuleRepository(self.rows.session).menu()}
        is_inactive = found.permission.partition(":")[0] not in slugs
        misses = [each for ground in found.near_misses for each in ground.obstacles] or [NO_GRANT]
        return list(dict.fromkeys([*["module-inactive"] * is_inactive, *misses]))

    async def find_granting_roles(self, permission: str) -> list[str]:
        """The roles that grant it."""
        rows = await self.rows.find_grants(permission.partition(":")[0])
        return [row.name for row in rows if scopes_in(granted_permissions(row), permission)]


def explanation(row: AnyRow, paths: Iterable[GrantPath], permission: str, at: datetime, version: int) -> Explanation:
    """Whether a guard would admit the user in `row`, and every ground for it."""
    known = list(paths)
    held = held_by(row, known, at).effective
    scopes = scopes_in(held, permission)
    grounds = [ground(row, path, permission, at) for path in known if path.slug == permission.partition(":")[0]]
    if row.is_superuser:
        grounds.insert(0, superuser_ground(row))
    reasons = [item for item in grounds if item.active]
    misses = [item for item in grounds if not item.active]
    return Explanation(
        user_id=row.id,
        username=row.username,
        permission=permission,
        allowed=bool(scopes),
        scopes=sorted(scopes),
        detail=" ".join(item.detail for item in reasons or misses) or "No role of this user has the module.",
        reasons=reasons,
        near_misses=misses,
        conditions=[],
        at=at,
        policy_version=version,
    )


def user_obstacles(row: AnyRow) -> list[str]:
    """The reasons why a user holds nothing at all."""
    return ["user-deleted"] * (row.deleted_at is not None) + ["user-inactive"] * (not row.is_active)


def ground(row: AnyRow, path: GrantPath, permission: str, at: datetime) -> Ground:
    """The effect of a grant path on a permission."""
    obstacles = [
        *user_obstacles(row),
        *inactive_links(path, at),
        *missing_action(path, permission),
    ]
    effect = obstacles[0] if obstacles else "grants"
    facts = {"role": path.role_name, "slug": path.slug}
    edges = {"valid_from": path.valid_from, "valid_until": path.valid_until}
    terms = {name: edge.strftime("%Y-%m-%d %H:%M UTC") for name, edge in edges.items() if edge}
    return Ground(
        role_id=path.role_id,
        role=path.role_name,
        grant=in_short(path.permissions),
        scope=path.scope,
        active=not obstacles,
        effect=effect,
        obstacles=obstacles,
        **edges,
        detail=SENTENCES[effect].format(**facts, **terms),
    )


def missing_action(path: GrantPath, permission: str) -> Iterator[str]:
    """The reason why the path does not give `permission` in any scope, if all of its links are active."""
    if not scopes_in(path.permissions, permission):
        yield "flag-missing"
    elif not scopes_in(path.effective_permissions, permission):
        yield "action-inactive"


def superuser_ground(row: AnyRow) -> Ground:
    """The effect on any permission of being a superuser."""
    obstacles = user_obstacles(row)
    effect = obstacles[0] if obstacles else "grants"
    detail = SENTENCES[effect] if obstacles else "A superuser may do everything."
    return Ground(
        role_id=None,
        role=None,
        grant=[EVERYTHING],
        scope=ALL_ROWS,
        active=not obstacles,
        effect=effect,
        obstacles=obstacles,
        valid_from=None,
        valid_until=None,
        detail=detail,
    )
