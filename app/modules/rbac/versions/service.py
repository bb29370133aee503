"""Lists the versions of the policy, and restores one."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from app.core.clock import now
from app.core.db.entity import Entity
from app.core.db.pagination import PageQuery, RowPage
from app.core.db.session import ReadSession, Session
from app.core.errors import Conflict, permission_denied
from app.modules.rbac.engine.snapshots import POLICY_TABLES, Key, Snapshot, values_of
from app.modules.rbac.repository import PolicyRowRepository, VersionRepository
from app.modules.rbac.versions.names import show_versions
from app.modules.roles import WHOLE_ROW

MOST_EFFECTS = 100
"""Users of each version in a list of versions."""


class VersionService:
    """Lists the versions of the policy, and restores one."""

    def __init__(self, session: Session | ReadSession) -> None:
        self.rows = VersionRepository(session)

    async def page(self, query: PageQuery) -> RowPage:
        page = await self.rows.page(query)
        return replace(page, items=await show_versions(self.rows.session, page.items, MOST_EFFECTS))

    async def get(self, id: int) -> Any:
        """One version. Raises NotFound."""
        return (await show_versions(self.rows.session, [await self.rows.get(id)], None))[0]

    async def restore(self, id: int) -> None:
        """Restore roles, grants, assignments, modules and groups as they were after version `id`.

        Users do not change, so that no deactivated user comes back. Raises NotFound, Conflict, Forbidden.
        """
        session = self.rows.session
        if not isinstance(session, Session):
            raise TypeError("restoring needs a session that writes")
        current = await self.rows.current()
        await self.rows.get(id)
        if id == current:
            raise Conflict("This is the current version.")
        session.context.restores = id
        wanted: dict[Key, Snapshot | None] = {}
        for version in await self.rows.newer_than(id):
            wanted |= {(item["entity"], UUID(item["id"])): item["old"] for item in version.changes}
        principal = session.context.principal
        if principal is not None and not principal.may("users:update") and any(key[0] == "user_role" for key in wanted):
            raise permission_denied(
                "This gives users their roles back, which needs the permission users:update.", "users:update"
            )
        for name in [name for name in POLICY_TABLES if name != "user"]:
            snapshots = {key_id: snapshot for (entity, key_id), snapshot in wanted.items() if entity == name}
            await self.apply(session, POLICY_TABLES[name], snapshots)
        await self.touch_owners(session, current, id)

    async def touch_owners(self, session: Session, current: int, id: int) -> None:
        """Make a new version of each role and user whose set of grants or assignments changed."""
        for name, column in (("role", "role_id"), ("user", "user_id")):
            ids = {
                UUID(snapshot[column])
                for version in await self.rows.newer_than(id)
                for change in version.changes
                for snapshot in (change["old"], change["new"])
                if version.id <= current and change["entity"] in ("role_module", "user_role") and snapshot
                if column in snapshot and (name == "user" or change["entity"] == "role_module")
            }
            for row in (await PolicyRowRepository(session).load(POLICY_TABLES[name], ids)).values():
                row.updated_at = now()
        await session.flush()

    async def apply(self, session: Session, model: type[Entity], snapshots: dict[UUID, Snapshot | None]) -> None:
        """Make rows of one table equal to their snapshots. Rows are deleted before others are inserted."""
        present = await PolicyRowRepository(session).load(model, set(snapshots))
        for row_id, row in present.items():
            if snapshots[row_id] is None and model.policy_columns == WHOLE_ROW:
                session.remove(row)
        await session.flush()
        for row_id, snapshot in snapshots.items():
            if snapshot is None:
                continue
            row_to_set: Any = present.get(row_id) or model(id=row_id)
            for column, value in values_of(model, snapshot).items():
                if getattr(row_to_set, column, None) != value:
                    setattr(row_to_set, column, value)
            session.add(row_to_set)
        await session.flush()
