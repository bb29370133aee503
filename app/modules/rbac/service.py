"""Explanations of permissions, and menus."""

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
from app.modules.rbac.repository import VersionRepository
from app.modules.rbac.schemas import (
    ExplainAllQuery,
    ExplainQuery,
    Explanation,
    Ground,
    MenuGroup,
    MenuModule,
    PermissionRead,
    UserExplanation,
    UserQuestion,
    WhoCanQuery,
)
from app.modules.rbac.versions.past_policy import read_past_policy
from app.modules.roles import (
    ACTIONS,
    GrantPath,
    HolderRepository,
    ModuleRepository,
    held_by,
    inactive_links,
    permissions_of_paths,
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
        detail=detail,
    )


class MenuService:
    """The permissions and the menu of the caller."""

    def __init__(self, session: Session | ReadSession) -> None:
        self.rows = ModuleRepository(session)

    async def permissions(self, principal: Principal) -> list[PermissionRead]:
        """What the caller may do, module by module. Modules without any permission are left out."""
        held = await self.held_by(principal)
        flags = [flags_of(row, held) for row in await self.rows.menu()]
        return [item for item in flags if item.can_read]

    async def held_by(self, principal: Principal) -> frozenset[str]:
        """What the caller holds, permission by permission: a superuser's `*` is every one there is."""
        return frozenset(filter(principal.may, await self.rows.permissions()))

    async def menu(self, principal: Principal) -> list[MenuGroup]:
        """The groups and modules that the caller may read."""
        return await self.build(await self.held_by(principal))

    async def menu_of_role(self, principal: Principal, role_id: UUID) -> list[MenuGroup]:
        """The menu that one of the caller's roles gives. Raises NotFound for a role that they do not have."""
        at = now()
        users = await HolderRepository(self.rows.session).with_grant_paths([principal.user_id])
        paths = [path for _, all_paths in users for path in all_paths if path.role_id == role_id]
        if not paths:
            raise NotFound(f"You have no role {role_id} that grants something.")
        return await self.build(frozenset(name for name in permissions_of_paths(paths, at) if principal.may(name)))

    async def build(self, permissions: frozenset[str]) -> list[MenuGroup]:
        """The menu of the modules that `permissions` permit to read."""
        groups: dict[str, MenuGroup] = {}
        for row in await self.rows.menu():
            if not scopes_in(permissions, f"{row.slug}:read"):
                continue
            group = MenuGroup(
                group_name=row.group_name,
                slug=row.group_slug,
                icon=row.group_icon,
                sort_order=row.group_sort_order,
                modules=[],
            )
            item = MenuModule(
                name=row.name,
                slug=row.slug,
                route=row.route,
                icon=row.icon,
                sort_order=row.sort_order,
                permissions=flags_of(row, permissions),
            )
            groups.setdefault(row.group_slug, group).modules.append(item)
        return list(groups.values())


def flags_of(module: AnyRow, permissions: frozenset[str]) -> PermissionRead:
    """What `permissions` permit in a module of the menu."""
    own = [each["name"] for each in module.module_actions]
    scopes = {action: scopes_in(permissions, f"{module.slug}:{action}") for action in ("read", *ACTIONS, *own)}
    return PermissionRead(
        module_slug=module.slug,
        **{f"can_{action}": bool(scopes[action]) for action in ("read", *ACTIONS)},
        actions=[action for action in own if scopes[action]],
        scopes={action: sorted(found) for action, found in scopes.items() if found and ALL_ROWS not in found},
    )
