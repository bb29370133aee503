"""A shipment: spooled entries as rows of the access log, with the callers that are not stored yet."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from app.core.clock import read_id
from app.core.context import Actor
from app.core.db.entity import table_of
from app.core.db.session import Session
from app.core.runtime.slices import take_slices
from app.modules.audit.entries.callers import Caller, Callers, to_values
from app.modules.audit.entries.canonical import ENTRY_FORMAT
from app.modules.audit.entries.writer_mac import add_mac
from app.modules.audit.models import AuditAccess, AuditCaller
from app.modules.audit.rollups.counting import count_requests

access_table, caller_table = table_of(AuditAccess), table_of(AuditCaller)
COLUMNS = [column.name for column in access_table.columns if column.name not in ("id", "stored_at", "xid")]
IDS = ("call_id", "actor_id", "session_id", "owner_id", "item_id", "subject_id")
FLAGS = ("is_replay", "is_dry_run")


class Shipment:
    """Rows that one transaction stores, with their codes by the first of `writer_keys`."""

    def __init__(self, known: Callers, writer_keys: Sequence[bytes]) -> None:
        self.known = known
        self.writer_keys = writer_keys
        self.added: dict[Caller, UUID] = {}
        self.callers: list[dict[str, Any]] = []
        self.rows: list[dict[str, Any]] = []

    async def load(self, entries: Sequence[bytes]) -> None:
        """Add entries, as the spool has them."""
        async for some in take_slices(entries):
            self.rows += [self.to_row(orjson.loads(entry)) for entry in some]

    async def store(self, session: Session) -> None:
        """Insert the rows in the transaction of `session`, and count them in the roll-ups."""
        if self.callers:
            await session.copy(caller_table, self.callers)
        if self.rows:
            await session.copy(access_table, self.rows)
            await count_requests(session, self.rows)  # last, because other processes may wait for its rows

    def to_row(self, entry: dict[str, Any]) -> dict[str, Any]:
        """A spooled entry with the types of its columns. One of an older version lacks columns that came later."""
        for name in IDS:
            value = entry.get(name)
            entry[name] = read_id(value) if value else None
        for name in FLAGS:
            entry[name] = entry.get(name, False)
        entry["at"] = datetime.fromisoformat(entry["at"])
        actor = Actor(entry["actor_kind"], entry["actor_id"], entry["actor_name"])
        caller = Caller.of(actor, entry["owner_id"], entry["subject_id"], entry["ip"], entry["user_agent"])
        own = {"format": ENTRY_FORMAT, "actor_name": actor.logged_name, "caller_id": caller and self.id_of(caller)}
        entry |= own
        return add_mac(self.writer_keys, access_table.name, {name: entry.get(name) for name in COLUMNS})

    def id_of(self, caller: Caller) -> UUID:
        """The id of `caller`, who is stored with the shipment unless that was done before."""
        known = self.known.find(caller, self.added)
        if known is not None:
            return known
        values = to_values(caller)
        self.callers.append(values)
        self.added[caller] = values["id"]
        return self.added[caller]
