"""Compares rows with the change log."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from app.core.db.derived import exact_derivations
from app.core.db.entity import Entity, defaults_of, table_of
from app.core.db.session import AnyRow, ReadSession
from app.modules.audit.changes.personal_data import ERASED, UNREADABLE
from app.modules.audit.changes.place import Place
from app.modules.audit.changes.reading import EXTERNAL, key_of
from app.modules.audit.changes.secret_digest import secret_digest
from app.modules.audit.drift.recorded import RecordedRow, RecordedTable, RecordedValue, changes
from app.modules.audit.entries.canonical import canonical_value
from app.modules.audit.repository import place_of
from app.modules.audit.sealer.logs import Log

MOST = 100
"""Findings that are kept of a table; the others are counted."""
NO_DIGEST = {"$secret": True}
"""What entries of format 1 have of a secret."""


@dataclass
class Finding:
    """A row that is not what the change log says. It names fields and no values, which may be personal."""

    kind: str
    """`differs`, `missing` (the log has the row), or `extra` (the log has no row, or its deletion)."""
    entity: str
    entity_id: str
    fields: list[str]
    entry_id: int | None
    """The last entry of the row."""
    seq: int | None = None
    """The place of that entry; null while it is not sealed."""

    def __str__(self) -> str:
        last = f"last entry {self.entry_id}" if self.entry_id else "no entry"
        place = f", seq {self.seq}" if self.seq else ""
        names = f" in {', '.join(self.fields)}" if self.fields else ""
        return f"{self.entity} {self.entity_id} {self.kind}{names} ({last}{place})"


@dataclass
class TableReport:
    """What was compared of a table, and what was found."""

    entity: str
    rows: int = 0
    total: int = 0
    """All findings, those that are not kept too."""
    unreadable: int = 0
    """Personal values that no master key opens."""
    findings: list[Finding] = field(default_factory=list)

    def add(self, kind: str, entity_id: str, fields: list[str], row: RecordedRow | None) -> None:
        """Add a finding."""
        self.total += 1
        if len(self.findings) < MOST:
            self.findings.append(Finding(kind, self.entity, entity_id, fields, row.entry_id if row else None))


async def compare_table(session: ReadSession, model: type[Entity]) -> TableReport:
    """Compare the rows of a table with the change log, in both directions."""
    table = table_of(model)
    report, recorded = TableReport(table.name), RecordedTable(session, table)
    compare = RowComparison(model, session.keys.secret_digest, report)
    async for rows in recorded.live_rows():
        known = await recorded.rebuild([str(row.id) for row in rows])
        for row in rows:
            compare.compare(row, known.get(str(row.id)))
    async for ids in recorded.recorded_ids():
        gone = sorted(set(ids) - await recorded.live_ids(ids))
        for entity_id, known_row in (await recorded.rebuild(gone)).items() if gone else ():
            if known_row.exists:
                report.add("missing", entity_id, [], known_row)
    await find_places(session, report.findings)
    return report


async def find_places(session: ReadSession, findings: list[Finding]) -> None:
    """Look up the seq of the last entries."""
    ids = [found.entry_id for found in findings if found.entry_id]
    if ids:
        place = place_of(changes.c.id, Log.changes).label("seq")
        rows = await session.all(select(changes.c.id, place).where(changes.c.id.in_(ids)))
        places = {row.id: row.seq for row in rows}
        for found in findings:
            found.seq = places.get(found.entry_id)


class RowComparison:
    """Compares the rows of one table."""

    def __init__(self, model: type[Entity], digest_key: bytes, report: TableReport) -> None:
        self.constants, _ = defaults_of(model)
        self.derivations = exact_derivations(table_of(model))
        self.digest_key = digest_key
        self.report = report

    def compare(self, row: AnyRow, known: RecordedRow | None) -> None:
        """Add what is wrong with a row to the report."""
        self.report.rows += 1
        entity_id = str(row.id)
        if known is None or not known.exists:
            self.report.add("extra", entity_id, [], known)
            return
        stored = row._asdict()
        derived = {name: stored.pop(name) for name in self.derivations}
        wrong = [name for name, value in stored.items() if not self.is_same(entity_id, name, value, known)]
        told = {name: rule for name, rule in self.derivations.items() if are_known(rule.sources, wrong, known)}
        wrong += [name for name, rule in told.items() if derived[name] != rule.derive(stored)]
        if wrong:
            self.report.add("differs", entity_id, wrong, known)

    def is_same(self, entity_id: str, name: str, live: Any, known: RecordedRow) -> bool:
        """Whether a field has its newest value. A column that is younger than the row has its default."""
        recorded = known.fields.get(name)
        if recorded is None:
            return live is None or bool(live == self.constants.get(name))
        if recorded.value == UNREADABLE and key_of(recorded.stored):
            self.report.unreadable += 1
            return True
        place = Place(self.report.entity, entity_id, name)
        return is_erased(recorded) or is_recorded(recorded, place, live, self.digest_key)


def are_known(sources: Iterable[str], wrong: Sequence[str], known: RecordedRow) -> bool:
    """Whether the fields that a column is derived from are what the log says: else they are the finding."""
    return not any(name in wrong or (name in known.fields and is_erased(known.fields[name])) for name in sources)


def is_erased(recorded: RecordedValue) -> bool:
    """Whether a value cannot be known any more: of an erased person, or a secret that left no digest."""
    return recorded.stored == NO_DIGEST or bool(recorded.value == ERASED and recorded.stored != ERASED)


def is_recorded(recorded: RecordedValue, place: Place, live: Any, digest_key: bytes) -> bool:
    """Whether `live` is the recorded value."""
    plain, stored = canonical_value(live), recorded.stored
    if isinstance(stored, dict) and stored.keys() == {"$secret"}:
        return plain is not None and bool(stored["$secret"] == secret_digest(digest_key, place, plain))
    if isinstance(stored, dict) and stored.keys() == EXTERNAL:
        return plain is not None and bool(stored["$external"] == external_digest(stored["$salt"], plain))
    if isinstance(live, Decimal) and isinstance(recorded.value, str):
        return bool(Decimal(recorded.value) == live)
    return bool(recorded.value == plain)


def external_digest(salt: str, plain: Any) -> str:
    """What a trigger of the database stores of a personal value or a secret that came past the application."""
    text = plain if isinstance(plain, str) else jsonb_text(plain)
    return hashlib.sha256((salt + text).encode()).hexdigest()


def jsonb_text(item: Any) -> str:
    """A document as PostgreSQL writes a `jsonb`: shorter names first."""
    if isinstance(item, dict):
        names = sorted(item, key=lambda name: (len(name.encode()), name.encode()))
        return (
            "{" + ", ".join(f"{json.dumps(name, ensure_ascii=False)}: {jsonb_text(item[name])}" for name in names) + "}"
        )
    if isinstance(item, list):
        return "[" + ", ".join(map(jsonb_text, item)) + "]"
    return json.dumps(item, ensure_ascii=False)
