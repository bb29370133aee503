"""Why somebody may or may not do a thing, who may, and the versions of the policy."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from app.core.context import EVERYTHING
from app.core.db import ReadSession, Session
from app.core.errors import Conflict, Forbidden, NotFound, invalid
from app.core.model import Entity
from app.core.page import PageQuery, Window
from app.core.types import AnyRow, now
from app.modules.rbac.evaluation import Chain, obstacles, standing_of
from app.modules.rbac.images import GOVERNED, Image, Key, values
from app.modules.rbac.models import WHOLE_ROW
from app.modules.rbac.policy_schemas import Explanation, Ground, WhoCanQuery
from app.modules.rbac.repository import GovernedRepository, HolderRepository, ModuleRepository, VersionRepository

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
    "flag-missing": "The role {role} has the module {slug}, but not this action.",
}


class ExplainService:
    """Answers with the very functions that the guards use."""

    def __init__(self, session: Session | ReadSession) -> None:
        self.rows = HolderRepository(session)

    async def explain(self, user_id: UUID, permission: str) -> Explanation:
        """Whether a user, hidden or not, may do something, and why. Raises NotFound, Invalid."""
        await self.refuse_unknown(permission)
        found = await self.rows.with_chains([user_id])
        if not found:
            raise NotFound(f"There is no user {user_id}.")
        return explanation(*found[0], permission, now(), await self.version())

    async def who_can(self, query: WhoCanQuery) -> Window:
        """A page of the users who may; one may hold fewer of them than asked for, and not be the last."""
        await self.refuse_unknown(query.permission)
        slug = query.permission.partition(":")[0]
        window = await self.rows.window(self.rows.candidates(slug), query, "who-can")
        found = await self.rows.with_chains([row.id for row in window.items])
        by_id = {row.id: (row, chains) for row, chains in found}
        at, version = now(), await self.version()
        items = [explanation(*by_id[row.id], query.permission, at, version) for row in window.items]
        shown = [item for item in items if item.allowed or query.near_misses]
        return Window(shown, window.next_cursor, window.total)

    async def refuse_unknown(self, permission: str) -> None:
        if permission.partition(":")[0] not in await ModuleRepository(self.rows.session).slugs():
            raise invalid("/query/permission", "There is no such module.", "unknown-module")

    async def version(self) -> int:
        return await VersionRepository(self.rows.session).current()


def explanation(row: AnyRow, chains: Iterable[Chain], permission: str, at: datetime, version: int) -> Explanation:
    """What the guards would say of the user in `row`, and every ground for it."""
    known = list(chains)
    held = standing_of(row, known, at).effective
    allowed = EVERYTHING in held or permission in held
    grounds = [ground(row, chain, permission, at) for chain in known if is_about(chain, permission)]
    if row.is_superuser:
        grounds.insert(0, superuser_ground(row))
    reasons = [item for item in grounds if item.active]
    misses = [item for item in grounds if not item.active]
    return Explanation(
        user_id=row.id,
        username=row.username,
        permission=permission,
        allowed=allowed,
        detail=" ".join(item.detail for item in reasons or misses) or "No role of this user has the module.",
        reasons=reasons,
        near_misses=misses,
        policy_version=version,
    )


def is_about(chain: Chain, permission: str) -> bool:
    return chain.slug == permission.partition(":")[0]


def of_user(row: AnyRow) -> list[str]:
    """What keeps a user from everything."""
    return ["user-deleted"] * (row.deleted_at is not None) + ["user-inactive"] * (not row.is_active)


def ground(row: AnyRow, chain: Chain, permission: str, at: datetime) -> Ground:
    found = [*of_user(row), *obstacles(chain, at), *["flag-missing"] * (permission not in chain.permissions)]
    effect = found[0] if found else "grants"
    facts = {"role": chain.role_name, "slug": chain.slug}
    edges = {"valid_from": chain.valid_from, "valid_until": chain.valid_until}
    shown = {name: edge.strftime("%Y-%m-%d %H:%M UTC") for name, edge in edges.items() if edge}
    return Ground(
        role_id=chain.role_id,
        role=chain.role_name,
        grant=sorted(chain.permissions),
        active=not found,
        effect=effect,
        obstacles=found,
        detail=SENTENCES[effect].format(**facts, **shown),
    )


def superuser_ground(row: AnyRow) -> Ground:
    found = of_user(row)
    effect = found[0] if found else "grants"
    detail = SENTENCES[effect] if found else "A superuser may do everything."
    return Ground(
        role_id=None, role=None, grant=[EVERYTHING], active=not found, effect=effect, obstacles=found, detail=detail
    )


class VersionService:
    """The versions of the policy, and the way back to one."""

    def __init__(self, session: Session | ReadSession) -> None:
        self.rows = VersionRepository(session)

    async def page(self, query: PageQuery) -> Window:
        return await self.rows.page(query)

    async def get(self, id: int) -> Any:
        return await self.rows.get(id)

    async def restore(self, id: int) -> None:
        """Make roles, grants, assignments, modules and groups what they were after version `id`.

        Users stay as they are: nobody comes back by way of a role. Raises NotFound, Conflict.
        """
        session = self.rows.session
        if not isinstance(session, Session):
            raise TypeError("restoring needs a session that writes")
        await session.lock_policy()
        current = await self.rows.current()
        await self.rows.get(id)
        if id == current:
            raise Conflict("This is the current version.")
        session.context.restores = id
        wanted: dict[Key, Image | None] = {}
        for version in await self.rows.since(id):
            wanted |= {(item["entity"], UUID(item["id"])): item["old"] for item in version.changes}
        principal = session.context.principal
        if principal is not None and not principal.may("users:update") and any(key[0] == "user_role" for key in wanted):
            raise Forbidden("This gives users their roles back, which needs the permission users:update.")
        for name in [name for name in GOVERNED if name != "user"]:
            images = {key_id: image for (entity, key_id), image in wanted.items() if entity == name}
            await self.apply(session, GOVERNED[name], images)
        await self.renew_owners(session, current, id)

    async def renew_owners(self, session: Session, current: int, id: int) -> None:
        """A set that changed is a new version of the role or user that it belongs to."""
        for name, column in (("role", "role_id"), ("user", "user_id")):
            ids = {
                UUID(image[column])
                for version in await self.rows.since(id)
                for change in version.changes
                for image in (change["old"], change["new"])
                if version.id <= current and change["entity"] in ("role_module", "user_role") and image
                if column in image and (name == "user" or change["entity"] == "role_module")
            }
            for row in (await GovernedRepository(session).load(GOVERNED[name], ids)).values():
                row.updated_at = now()
        await session.flush()

    async def apply(self, session: Session, model: type[Entity], images: dict[UUID, Image | None]) -> None:
        """Bring rows of one table to their images; what goes is gone before what takes its place comes."""
        present = await GovernedRepository(session).load(model, set(images))
        for row_id, row in present.items():
            if images[row_id] is None and model.governs == WHOLE_ROW:
                await session.delete(row)
        await session.flush()
        for row_id, image in images.items():
            if image is None:
                continue
            found: Any = present.get(row_id) or model(id=row_id)
            for column, value in values(model, image).items():
                if getattr(found, column, None) != value:
                    setattr(found, column, value)
            session.add(found)
        await session.flush()
