"""Queries over versions of the policy, and over the rows that it governs."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, func, or_, select, union_all
from sqlmodel import SQLModel

from app.core.clock import now
from app.core.db.derived import own_columns
from app.core.db.entity import Entity, table_of
from app.core.db.pagination import PageQuery, RowPage
from app.core.db.pruning import PruneRule, delete_rows
from app.core.db.repository import ReadRepository
from app.core.db.session import AnyRow, AnySelect, ReadSession, Session
from app.modules.api_keys import ApiKey, ApiKeyUse
from app.modules.rbac.models import PolicyState, PolicyVersion
from app.modules.rbac.schemas import VersionRead
from app.modules.roles import USER_COLUMNS
from app.modules.sessions import AuthSession, SessionUse
from app.modules.users import User

policy, versions, users = table_of(PolicyState), table_of(PolicyVersion), table_of(User)
sessions, session_uses = table_of(AuthSession), table_of(SessionUse)
keys, key_uses = table_of(ApiKey), table_of(ApiKeyUse)

VERSIONS_PER_READ = 500


class VersionRepository(ReadRepository):
    """Versions of the policy."""

    model = PolicyVersion
    read = VersionRead

    def columns(self) -> list[ColumnElement[Any]]:
        callers = SQLModel.metadata.tables["audit_caller"]
        caller = select(callers.c.name).where(callers.c.id == self.table.c.caller_id).scalar_subquery()
        name = func.coalesce(self.table.c.actor_name, caller).label("actor_name")
        known = {**self.table.c, "actor_name": name}
        return [known[field] for field in self.read.model_fields if field in known]

    async def current(self) -> int:
        """The number of the current version."""
        return int(await self.session.value(select(policy.c.version)))

    async def number_at(self, at: datetime) -> int | None:
        """The number of the newest version that was made at this instant or before; None without any."""
        made = select(versions.c.id).where(versions.c.at <= at).order_by(versions.c.id.desc()).limit(1)
        number: int | None = await self.session.value(made)
        return number

    async def oldest(self) -> AnyRow | None:
        """The number and the instant of the oldest version that is kept."""
        return await self.session.first(select(versions.c.id, versions.c.at).order_by(versions.c.id).limit(1))

    async def changes_after(self, version: int) -> AsyncIterator[Mapping[str, Any]]:
        """The changed rows of the versions after `version`, the newest first; of one row also several times."""
        before: int | None = None
        while True:
            newer = select(versions.c.id, versions.c.changes).where(versions.c.id > version)
            newer = newer if before is None else newer.where(versions.c.id < before)
            rows = await self.session.all(newer.order_by(versions.c.id.desc()).limit(VERSIONS_PER_READ))
            for row in rows:
                for change in row.changes:
                    yield change
            if len(rows) < VERSIONS_PER_READ:
                return
            before = rows[-1].id

    async def newer_than(self, version: int) -> Sequence[AnyRow]:
        """The versions after `version`, the newest first."""
        statement = self.select().where(self.table.c.id > version)
        return await self.session.all(statement.order_by(self.table.c.id.desc()))


class ReviewedUserRepository(ReadRepository):
    """Users of an access review: those who existed at an instant, hidden since or not."""

    model = User

    def columns(self) -> list[ColumnElement[Any]]:
        return [users.c.id, users.c.username, users.c.is_service]

    async def page_at(self, at: datetime, query: PageQuery) -> RowPage:
        """A page of the users who existed at this instant."""
        statement = self.build_once("at", self.select_existing)
        return await self.fetch_page(statement, query, "access-review", {"at": at})

    def select_existing(self) -> AnySelect:
        """A select of the users who were created, and not hidden, at an instant."""
        at = bindparam("at", type_=users.c.created_at.type)
        is_visible = or_(users.c.deleted_at.is_(None), users.c.deleted_at > at)
        return select(*self.columns()).where(users.c.created_at <= at, is_visible)

    async def last_uses(self, user_ids: Collection[UUID]) -> dict[UUID, datetime]:
        """When each of the users last continued a session or used an API key, of those who ever did."""
        of_sessions = select(sessions.c.user_id, session_uses.c.used_at).join_from(sessions, session_uses)
        of_keys = select(keys.c.user_id, key_uses.c.last_used_at.label("used_at")).join_from(keys, key_uses)
        used = union_all(
            of_sessions.where(sessions.c.user_id.in_(user_ids)), of_keys.where(keys.c.user_id.in_(user_ids))
        ).subquery()
        newest = select(used.c.user_id, func.max(used.c.used_at).label("used_at")).group_by(used.c.user_id)
        return {row.user_id: row.used_at for row in await self.session.all(newest)}


class PolicyRowRepository:
    """Rows that the policy governs, of any of its tables."""

    def __init__(self, session: Session) -> None:
        self.session = session

    async def load(self, model: type[Entity], ids: set[UUID]) -> dict[UUID, Entity]:
        """Load and lock those of the rows that exist, hidden ones too."""
        statement = select(model).where(table_of(model).c.id.in_(ids)).with_for_update(key_share=True)
        result = await self.session.execute(statement, execution_options={"include_deleted": True})
        return {row.id: row for row in result.scalars()}


async def read_policy_rows(
    session: Session | ReadSession, models: Iterable[type[Entity]], user_ids: Collection[UUID]
) -> dict[str, dict[UUID, Mapping[str, Any]]]:
    """Every row of these tables, hidden ones too, by table and id; of users and assignments those of `user_ids`."""
    found: dict[str, dict[UUID, Mapping[str, Any]]] = {}
    for table in map(table_of, models):
        owner = table.c.id if table is users else table.c.get("user_id")
        columns = (*USER_COLUMNS, users.c.created_at) if table is users else own_columns(table)
        wanted = select(*columns) if owner is None else select(*columns).where(owner.in_(user_ids))
        found[table.name] = {row.id: row._asdict() for row in await session.all(wanted)}
    return found


def old_versions(age: timedelta, kept: int) -> PruneRule:
    """Versions that are older than `age` and not among the newest `kept`.

    What is left has no gaps, because a rollback undoes every later version: versions before one that is kept go, and
    none behind it. The policy lock keeps a rollback from seeing half of it.
    """

    async def remove(session: Session, limit: int) -> int:
        newest = await session.value(select(versions.c.id).order_by(versions.c.id.desc()).offset(kept - 1).limit(1))
        if newest is None:
            return 0
        young = await session.value(select(func.min(versions.c.id)).where(versions.c.at >= now() - age))
        first_kept = newest if young is None else min(young, newest)
        if await session.value(select(func.min(versions.c.id)).where(versions.c.id < first_kept)) is None:
            return 0
        await session.value(select(policy.c.version).with_for_update(key_share=True))
        return await delete_rows(session, versions, versions.c.id < first_kept, limit)

    return PruneRule(versions.name, remove)
