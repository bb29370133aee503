"""Queries over those who read notices."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from sqlalchemy import select

from app.core.db.entity import table_of
from app.core.db.session import AnyRow, Session
from app.modules.users import User

users = table_of(User)


async def find_readers(session: Session, user_ids: Iterable[UUID]) -> Mapping[UUID, AnyRow]:
    """Those of these users who are people and not deleted, as mails need them, by id."""
    columns = (users.c.id, users.c.username, users.c.email, users.c.first_name, users.c.language, users.c.is_active)
    are_people = users.c.id.in_(set(user_ids)), ~users.c.is_service, users.c.deleted_at.is_(None)
    return {row.id: row for row in await session.look(select(*columns).where(*are_people))}
