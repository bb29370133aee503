"""A short form of `make replay`: random operations over HTTP, and the audit log tells all of them."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from app.core.config import Settings
from scripts.replay.compare import compare
from scripts.replay.run import Report, run
from scripts.replay.stored import Row, Tables
from tests.roles import as_owner

pytestmark = pytest.mark.timeout(300)
REQUESTS = 300


async def test_the_audit_log_tells_every_change_and_every_request(settings: Settings) -> None:
    url = as_owner(settings).database_url.get_secret_value()
    report = await run("short", url, workers=1 if settings.is_sqlite else 2, requests=REQUESTS, seed=7)

    print(*report.lines(), sep="\n")  # noqa: T201  # the evidence, with -s
    assert report.comparison.mismatches == []
    assert report.comparison.requests >= REQUESTS * 0.8
    assert report.comparison.values > 1000
    for name, forge in FORGERIES.items():
        assert mismatches_after(report, forge), f"{name} was not found"


def mismatches_after(report: Report, forge: Callable[[Tables], None]) -> list[str]:
    """What the comparison finds once `forge` has changed what was read."""
    tables = copy.deepcopy(report.tables)
    forge(tables)
    return compare(tables, report.secrets, report.journal).mismatches


def some_change(tables: Tables, entity: str) -> Row:
    return next(row for row in tables["audit_change"] if row["entity"] == entity and row["action"] == "create")


def refused_call(tables: Tables) -> Row:
    return next(row for row in tables["audit_access"] if row["status"] == 422)


def set_value(tables: Tables, table: str, values: dict[str, Any]) -> None:
    tables[table][0].update(values)


def move_change_to_refused_call(tables: Tables) -> None:
    names = {name: refused_call(tables)[name] for name in ("request_id", "call_id")}
    some_change(tables, "task").update(names)


FORGERIES: dict[str, Callable[[Tables], None]] = {
    "a changed value": lambda tables: set_value(tables, "task", {"title": "forged"}),
    "a value of another type": lambda tables: set_value(tables, "role", {"is_active": 1}),
    "a changed personal value": lambda tables: set_value(tables, "customer", {"first_name": "forged"}),
    "a changed folded name": lambda tables: set_value(tables, "brand", {"name_folded": "forged"}),
    "a swapped secret": lambda tables: set_value(tables, "user", {"password_hash": "forged"}),
    "a row without entries": lambda tables: tables["brand"].append({**tables["brand"][0], "id": "forged"}),
    "a row that is gone": lambda tables: tables["brand"].clear(),
    "a change entry that is gone": lambda tables: tables["audit_change"].remove(some_change(tables, "product")),
    "an access entry that is gone": lambda tables: tables["audit_access"].remove(refused_call(tables)),
    "an access entry too many": lambda tables: tables["audit_access"].append(refused_call(tables)),
    "an access entry of nothing": lambda tables: tables["audit_access"].append(
        {**refused_call(tables), "request_id": "forged", "call_id": "forged"}
    ),
    "another status": lambda tables: refused_call(tables).update(status=200),
    "another call of a change": lambda tables: some_change(tables, "task").update(call_id="forged"),
    "a change of a refused request": move_change_to_refused_call,
}
