"""Plain JSON documents in the change log: whatever their names are, they are read as they were written."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import insert, select, text
from sqlmodel import Field

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.column_types import JSON_DOCUMENT
from app.core.db.connecting import create_engine
from app.core.db.engine import Database
from app.core.db.entity import Entity, table_of
from app.modules.audit.entries.canonical import escape_names, unescape_names
from app.modules.audit.models import AuditChange
from tests.modules.audit.entries import change_entries
from tests.modules.audit.master_keys import change_by_sql
from tests.people import SignedInAs
from tests.roles import as_owner


class Preferences(Entity, table=True):
    __tablename__ = "preferences_of_a_test"

    document: Any = Field(default=None, sa_type=JSON_DOCUMENT)


@pytest.fixture
async def tables(database: Database) -> AsyncIterator[None]:
    """The database has a table with a free document."""
    engine = create_engine(as_owner(database.settings))
    async with engine.begin() as connection:
        await connection.run_sync(table_of(Preferences).create)
        if not database.is_sqlite:
            await connection.execute(text(f"GRANT ALL ON {Preferences.__tablename__} TO attest_app"))
    yield
    await engine.dispose()


def text_of(document: Any) -> str:
    return json.dumps(document, sort_keys=True)


DOCUMENTS: list[Any] = [
    {"$personal": 1},
    {"$personal": "AA==", "$key": "no key"},
    {"$personal": "AA==", "$key": str(uuid4())},
    {"$secret": "digest"},
    {"$erased": True},
    {"$$personal": {"$$$key": 1, "$": None, "": 2, "a$b": 3}},
    {"deep": [{"$personal": 1}, [{"$key": {"$secret": True}}], "$text"]},
    [{"$personal": 1}],
    ["$", 1, None],
]


@pytest.mark.usefixtures("tables")
async def test_a_document_is_read_as_it_was_written(
    database: Database, job: RequestContext, signed_in_as: SignedInAs
) -> None:
    auditor = await signed_in_as("audit:read")
    for document in DOCUMENTS:
        async with database.unit_of_work(job) as session:
            session.add(Preferences(document=document))
    async with database.unit_of_work(job) as session:
        for row in (await session.execute(select(Preferences))).scalars():
            row.document = {"$key": row.document}

    shown = await auditor.get("/audit/changes", params={"entity": "preferences_of_a_test", "limit": 100})

    sides = [item["changes"]["document"] for item in reversed(shown.json()["items"])]
    assert shown.status_code == 200, shown.text
    assert [side["new"] for side in sides[: len(DOCUMENTS)]] == DOCUMENTS
    changed = [{"old": document, "new": {"$key": document}} for document in DOCUMENTS]
    assert sorted(map(text_of, sides[len(DOCUMENTS) :])) == sorted(map(text_of, changed))


@pytest.mark.usefixtures("tables")
async def test_no_stored_document_looks_like_a_tagged_one(database: Database, job: RequestContext) -> None:
    document = {"$personal": {"$key": [{"$secret": 1, "plain": "$value"}]}}
    async with database.unit_of_work(job) as session:
        session.add(Preferences(document=document))

    (entry,) = await change_entries(database, job, "preferences_of_a_test")

    stored = {"$$personal": {"$$key": [{"$$secret": 1, "plain": "$value"}]}}
    assert entry.changes["document"] == {"new": stored}


@pytest.mark.parametrize(
    "document",
    [
        {"$personal": 1},
        {"$personal": 1, "$key": "no key"},
        {"$personal": "AA==", "$key": None},
        {"$personal": "AA==", "$key": str(uuid4()), "more": 1},
    ],
)
async def test_documents_of_older_versions_are_shown_as_they_are(
    database: Database, signed_in_as: SignedInAs, document: dict[str, Any]
) -> None:
    """Regression: a plain document with such a name made every page with its entry a 500."""
    auditor = await signed_in_as("audit:read")
    old = {"at": now(), "format": 1, "request_id": "old", "actor_kind": "system", "source": "hook", "action": "create"}
    values = {**old, "entity": "x", "entity_id": "1", "changes": {"a": {"new": document}}, "redaction_version": "1"}
    await change_by_sql(database, insert(table_of(AuditChange)).values(values))

    shown = await auditor.get("/audit/changes", params={"request_id": "old"})

    assert shown.status_code == 200
    assert [item["changes"] for item in shown.json()["items"]] == [{"a": {"old": None, "new": document}}]


@pytest.mark.parametrize("ciphertext", ["no base64!", "AA==", 1, None])
async def test_an_altered_ciphertext_is_unreadable_and_breaks_nothing(
    database: Database, signed_in_as: SignedInAs, job: RequestContext, ciphertext: object
) -> None:
    auditor = await signed_in_as("audit:read")
    entry = next(row for row in await change_entries(database, job, "user") if row.entity_id == str(auditor.id))
    altered = {"email": {"new": {**entry.changes["email"]["new"], "$personal": ciphertext}}}
    stored = {name: entry._mapping[name] for name in table_of(AuditChange).columns.keys()}  # noqa: SIM118
    values = {**stored, "id": entry.id + 1000, "request_id": "altered", "changes": altered}
    await change_by_sql(database, insert(table_of(AuditChange)).values(values))

    shown = await auditor.get("/audit/changes", params={"request_id": "altered"})

    assert shown.json()["items"][0]["changes"] == {"email": {"old": None, "new": {"$unreadable": True}}}


@pytest.mark.parametrize("document", [*DOCUMENTS, None, "$", 1, True])
def test_escaping_loses_nothing(document: Any) -> None:
    assert unescape_names(escape_names(document)) == document
