"""Entries of tables that were dropped can be asked for by the name of the table."""

from sqlalchemy import insert

from app.core.clock import now
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.modules.audit.models import AuditRedaction
from tests.modules.audit.sealer.sealed import add_changes, run_sql, seal_all, sealer_of
from tests.people import SignedInAs

QUESTIONS = (
    "/audit/changes?entity={}",
    "/audit/changes?entity={}&entity_id=1",
    "/audit/summary?by=entity&entity={}",
    "/audit/evidence/changes?entity={}",
)


async def drop_invoices(database: Database) -> None:
    """Leave what the log has of a table `invoice`, which an earlier version of the program had."""
    document = {"invoice": {"id": ["plain", None], "number": ["plain", None]}}
    old = {"version": "0123456789abcdef", "document": document, "since": now()}
    await run_sql(database, insert(table_of(AuditRedaction)).values(old))
    changes = {"number": {"old": None, "new": "R-1"}}
    await add_changes(
        database,
        1,
        entity="invoice",
        entity_id="1",
        action="create",
        changes=changes,
        redaction_version="0123456789abcdef",
    )
    await seal_all(sealer_of(database))


async def test_entries_of_a_dropped_table_are_found(database: Database, signed_in_as: SignedInAs) -> None:
    auditor = await signed_in_as("audit:read")
    await drop_invoices(database)

    answers = {question: await auditor.get(question.format("invoice")) for question in QUESTIONS}
    file = await auditor.get(QUESTIONS[0].format("invoice"), headers={"Accept": "text/csv"})

    assert {answer.status_code for answer in answers.values()} == {200}
    for question in QUESTIONS[:2]:
        ((entry,)) = answers[question].json()["items"]
        assert entry["changes"] == {"number": {"old": None, "new": "R-1"}}
        assert (entry["item_name"], entry["names"]) == (None, {})
    ((group,)) = answers[QUESTIONS[2]].json()["items"]
    assert (group["entity"], group["count"]) == ("invoice", 1)
    assert file.text.count("R-1") == 1


async def test_a_table_that_the_log_never_had_is_refused(database: Database, signed_in_as: SignedInAs) -> None:
    auditor = await signed_in_as("audit:read")
    await drop_invoices(database)

    for name, code in {"invoices": "unknown-table", "tsk": "unknown-table", "Task": "string-pattern-mismatch"}.items():
        for question in QUESTIONS:
            answer = await auditor.get(question.format(name))
            assert answer.status_code == 422, question
            ((error,)) = answer.json()["errors"]
            assert (error["pointer"], error["code"]) == ("/query/entity", code), question
            if code == "unknown-table":
                assert "task" in error["detail"]


async def test_the_document_shows_the_tables_of_today(database: Database, signed_in_as: SignedInAs) -> None:
    document = (await signed_in_as()).client
    parameters = (await document.get("http://attest.test/openapi.json")).json()["paths"]["/api/v1/audit/changes"]["get"]

    (entity,) = [each for each in parameters["parameters"] if each["name"] == "entity"]

    known, other = entity["schema"]["anyOf"]
    assert {"task", "user", "role"} <= set(known["enum"])
    assert "enum" not in other
