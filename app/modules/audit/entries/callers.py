"""Callers: the name, address and user agent of a request, stored once for the entries that name them.

The id of a caller is a commitment: a hash over its values and a random salt. An entry that was sealed proves who called
as long as the row exists, and tells nothing once it does not.
"""

import hashlib
import os
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple, Self
from uuid import UUID

from sqlalchemy.util import LRUCache

from app.core.clock import now
from app.core.context import Actor
from app.core.db.entity import table_of
from app.core.db.pruning import PruneRule, delete_rows
from app.core.db.session import Session
from app.modules.audit.entries.canonical import encode
from app.modules.audit.models import AuditCaller

SALT_BYTES = 16
ID_BYTES = 16
MOST = 10_000
"""The callers that a process remembers."""
NEW = "new_callers"
ONE_DAY = timedelta(days=1)
"""For how long entries refer to a row."""
callers_table = table_of(AuditCaller)


class Caller(NamedTuple):
    """What entries tell of one caller on one day (UTC)."""

    user_id: UUID | None
    name: str | None
    ip: str | None
    user_agent: str | None
    day: date

    @classmethod
    def of(
        cls, actor: Actor, owner_id: UUID | None, subject_id: UUID | None, ip: str | None, user_agent: str | None
    ) -> Self | None:
        """The caller of a request; None for a job. A stranger has no name, and is erased with the subject."""
        if not actor.is_person:
            return None if ip is None and user_agent is None else cls(subject_id, None, ip, user_agent, now().date())
        person = actor.id if actor.kind == "user" else owner_id or actor.id
        return cls(person, actor.name, ip, user_agent, now().date())


def to_values(caller: Caller) -> dict[str, Any]:
    """The columns of a new row for `caller`."""
    values = caller._asdict()
    del values["day"]
    salt = os.urandom(SALT_BYTES)
    return {"id": commitment(salt, values), "salt": salt, **values, "created_at": now()}


def commitment(salt: bytes, values: Mapping[str, Any]) -> UUID:
    """The id of the caller with these values: user_id, name, ip and user_agent."""
    return UUID(bytes=hashlib.sha256(salt + encode(values)).digest()[:ID_BYTES])


class Callers:
    """The callers that are stored already, as far as this process knows.

    Two processes store the same caller twice. A row is used on one day only, so that it can be forgotten by its age.
    """

    def __init__(self) -> None:
        self.known: LRUCache[Caller, UUID] = LRUCache(MOST)

    def find(self, caller: Caller, added: Mapping[Caller, UUID]) -> UUID | None:
        """The id of a caller that is known, or among those `added` in the same transaction."""
        known: UUID | None = self.known.get(caller) or added.get(caller)
        return known

    def resolve_context(self, session: Session) -> tuple[UUID | None, AuditCaller | None]:
        """The id of the caller of `session`, and its row where that must be written in the same transaction."""
        context = session.context
        caller = Caller.of(context.actor, context.owner_id, context.subject_id, context.ip, context.user_agent)
        if caller is None:
            return None, None
        added = session.info.get(NEW, {})
        known = self.find(caller, added)
        if known is not None:
            return known, None
        row = AuditCaller(**to_values(caller))
        session.info[NEW] = {**added, caller: row.id}  # a new one: a savepoint that rolls back restores the old one
        return row.id, row

    def after_commit(self, session: Session) -> None:
        """Remember what `session` has stored."""
        self.remember(session.info.get(NEW, {}))

    def remember(self, stored: Mapping[Caller, UUID]) -> None:
        for caller, known in stored.items():
            self.known[caller] = known


def old_strangers(age: timedelta) -> PruneRule:
    """Callers without a name, of whom nothing is known any more `age` after the last entry that names them."""

    async def remove(session: Session, limit: int) -> int:
        is_old = callers_table.c.created_at < now() - age - ONE_DAY
        return await delete_rows(session, callers_table, is_old & callers_table.c.name.is_(None), limit)

    return PruneRule(callers_table.name, remove)
