"""Rebuilds the audited tables from the change log, and compares them and the requests with what is stored."""

import unicodedata
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from scripts.replay.journal import Exchange, Journal
from scripts.replay.stored import Row, Tables
from scripts.replay.values import Secrets, canonical, is_same, plain

NO_VALUE = object()
FOLDED = "_folded"
PROBES = {"/healthz", "/readyz"}
UNAUTHENTICATED = 401


@dataclass
class Comparison:
    """What was compared, and what did not agree."""

    rows: int = 0
    values: int = 0
    requests: int = 0
    vanished: int = 0
    vanished_with_entry: int = 0
    mismatches: list[str] = field(default_factory=list)

    def add(self, mismatch: str) -> None:
        self.mismatches.append(mismatch)


class Rebuilt:
    """The rows of the audited tables as the change entries say."""

    def __init__(self, tables: Tables, secrets: Secrets, found: Comparison) -> None:
        self.tables, self.secrets, self.found = tables, secrets, found
        newest = max(tables["audit_redaction"], key=lambda row: row["since"])
        self.treatments: dict[str, dict[str, list[str | None]]] = newest["document"]
        rows = [{name: canonical(value) for name, value in row.items()} for row in tables["audit_subject_key"]]
        self.keys = secrets.open_keys(list(rows))
        self.rows: dict[tuple[str, str], Row] = {}
        self.entries: Counter[tuple[str, str]] = Counter()

    def replay(self) -> None:
        """Apply every entry. The old side of each must be what the entries before it made."""
        for entry in sorted(self.tables["audit_change"], key=lambda row: row["id"]):
            if entry["entity"] == "audit_subject_key":
                continue
            at = entry["entity"], entry["entity_id"]
            row = self.rows.setdefault(at, {})
            self.entries[at] += 1
            for name, sides in entry["changes"].items():
                self.apply(entry, row, name, sides)
            if entry["action"] == "delete":  # a rollback of the policy brings a row back under its id
                del self.rows[at], self.entries[at]

    def apply(self, entry: Row, row: Row, name: str, sides: Row) -> None:
        place = entry["entity"], entry["entity_id"], name
        old, before = plain(sides.get("old"), place, self.keys), row.get(name)
        if entry["action"] != "create" and not (is_same(before, old) or is_same(as_number(before), old)):
            self.found.add(f"change {entry['id']}: {'.'.join(place)} was {before!r}, the entry says {old!r}")
        row[name] = plain(sides.get("new"), place, self.keys)

    def compare(self) -> None:
        """Compare value and type with the live tables."""
        for table in self.treatments:
            if table == "audit_subject_key":
                continue
            live = {str(row["id"]): row for row in self.tables[table]}
            logged = {identity for entity, identity in self.rows if entity == table}
            for identity in sorted(logged - live.keys()):
                self.found.add(f"{table} {identity} is in the change log only")
            for identity, row in live.items():
                self.compare_row(table, identity, row)

    def compare_row(self, table: str, identity: str, row: Row) -> None:
        rebuilt = self.rows.get((table, identity))
        if rebuilt is None:
            self.found.add(f"{table} {identity} is not in the change log")
            return
        self.found.rows += 1
        for name, raw in row.items():
            self.found.values += 1
            if name not in self.treatments[table]:
                if name.endswith(FOLDED):  # `drift` compares the other columns that the change log does not have
                    self.compare_folded(f"{table} {identity}.{name}", raw, row[name.removesuffix(FOLDED)])
                continue
            value = self.value_to_log(table, identity, name, canonical(raw))
            if not is_same(value, rebuilt.get(name, NO_VALUE)):
                self.found.add(f"{table} {identity}.{name} is {value!r}, by its entries {rebuilt.get(name)!r}")
        if self.entries[table, identity] != row["version"]:
            self.found.add(f"{table} {identity} has version {row['version']}, {self.entries[table, identity]} entries")

    def compare_folded(self, place: str, folded: str | None, text: str | None) -> None:
        """Compare a column that the change log does not have with the one that it is made of."""
        if folded != (None if text is None else fold_name(text)):
            self.found.add(f"{place} is {folded!r}, made of {text!r}")

    def value_to_log(self, table: str, identity: str, name: str, value: Any) -> Any:
        """The live value, or the digest of a secret."""
        if value is None or self.treatments[table][name][0] != "secret":
            return value
        return self.secrets.digest_of(table, identity, name, value)


def fold_name(text: str) -> str:
    """A name of this replay as it is compared."""
    return " ".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).split())


def as_number(logged: Any) -> Any:
    """A logged string as a decimal, if it is one: 19.90 and 19.9000 are the same price."""
    try:
        return Decimal(logged) if isinstance(logged, str) else logged
    except InvalidOperation:
        return logged


class Requests:
    """The entries of each request."""

    def __init__(self, tables: Tables, journal: Journal, found: Comparison) -> None:
        self.journal, self.found = journal, found
        self.access: dict[str, list[Row]] = defaultdict(list)
        self.changes: dict[str, list[Row]] = defaultdict(list)
        self.calls = Counter(row["call_id"] for row in tables["audit_access"])
        self.changes_of_call: dict[Any, set[str]] = defaultdict(set)
        for row in tables["audit_access"]:
            self.access[row["request_id"]].append(row)
        for row in tables["audit_change"]:
            self.changes[row["request_id"]].append(row)
            self.changes_of_call[row["call_id"]].add(row["request_id"])

    def compare(self) -> None:
        for exchange in self.journal.with_answer:
            self.compare_answered(exchange)
        for exchange in self.journal.without_answer:
            self.compare_vanished(exchange)
        known = {each.request_id for each in self.journal.exchanges}
        for request_id in self.access.keys() - known:
            paths = {row["path"] for row in self.access[request_id]}
            if not paths <= PROBES:
                self.found.add(f"request {request_id} ({paths}) was sent by no client")
        for call, number in self.calls.items():
            if call is None or number != 1:
                self.found.add(f"call {call} has {number} access entries")

    def compare_answered(self, exchange: Exchange) -> None:
        self.found.requests += 1
        entries = self.access[exchange.request_id]
        if len(entries) != 1:
            self.found.add(f"{exchange}: {len(entries)} access entries")
            return
        (entry,) = entries
        said = entry["status"], entry["error_code"], bool(entry["is_replay"]), bool(entry["is_dry_run"])
        heard = exchange.status, exchange.code, exchange.is_replay, exchange.is_dry_run
        if said[:3] != heard[:3] or (said[3] and not heard[3]):
            self.found.add(f"{exchange}: its access entry says {said}")
        self.compare_changes(exchange, entry)

    def compare_changes(self, exchange: Exchange, entry: Row) -> None:
        changes = self.changes[exchange.request_id]
        if {row["call_id"] for row in changes} - {entry["call_id"]}:
            self.found.add(f"{exchange}: a change has another call_id")
        if self.changes_of_call[entry["call_id"]] - {exchange.request_id}:
            self.found.add(f"{exchange}: a change of another request has its call_id")
        wrong = [row for row in changes if not (exchange.status == UNAUTHENTICATED and ends_session(row))]
        if wrong and exchange.must_change_nothing:
            found = [f"{row['action']} {row['entity']}: {', '.join(row['changes'])}" for row in wrong]
            self.found.add(f"{exchange}: {len(wrong)} change entries ({'; '.join(found)})")
        created = [row for row in changes if (row["action"], row["entity_id"]) == ("create", exchange.created)]
        if exchange.created and not exchange.must_change_nothing and len(created) != 1:
            self.found.add(f"{exchange}: {len(created)} entries of the creation")

    def compare_vanished(self, exchange: Exchange) -> None:
        self.found.vanished += 1
        entries, changes = self.access[exchange.request_id], self.changes[exchange.request_id]
        self.found.vanished_with_entry += bool(entries)
        if len(entries) > 1 or (changes and not entries):
            self.found.add(f"{exchange}: {len(entries)} access entries, {len(changes)} change entries")
        elif entries and {row["call_id"] for row in changes} - {entries[0]["call_id"]}:
            self.found.add(f"{exchange}: a change has another call_id")


def ends_session(change: Row) -> bool:
    """Whether a change ends a session, as a token does that shows it was copied; its request is refused."""
    return change["entity"] == "auth_session" and "revoked_reason" in change["changes"]


def compare(tables: Tables, secrets: Secrets, journal: Journal) -> Comparison:
    """Compare everything."""
    found = Comparison()
    rebuilt = Rebuilt(tables, secrets, found)
    rebuilt.replay()
    rebuilt.compare()
    Requests(tables, journal, found).compare()
    return found
