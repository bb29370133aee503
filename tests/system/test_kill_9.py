"""A short form of `make kill-9`: each process is killed once under load, and every write is accounted for."""

import pytest

from scripts.kill_9.__main__ import run_on, run_on_postgresql
from scripts.kill_9.accounts import SEALED, find_complaints
from scripts.kill_9.run import Result
from scripts.kill_9.traffic import Answer, Traffic
from scripts.replay.stored import Row, Tables

pytestmark = pytest.mark.timeout(300)
SECONDS = 0.5
"""Load before each kill, about."""


def check(result: Result, victims: set[str]) -> None:
    print(*result.lines(), sep="\n")  # noqa: T201  # the evidence, with -s
    assert result.complaints == []
    assert set(result.kills) == victims
    assert len(result.traffic.tasks) >= 40
    assert result.sealed["changes"] > len(result.traffic.tasks)


def test_kill_9_on_sqlite_loses_and_doubles_nothing() -> None:
    check(run_on(None, 1, [], 2, SECONDS), {"API", "sealer"})


@pytest.mark.postgresql
def test_kill_9_on_postgresql_loses_and_doubles_nothing() -> None:
    check(run_on_postgresql(3, SECONDS), {"API", "sealer", "PostgreSQL"})


def consistent() -> tuple[Tables, Traffic]:
    """A task that was acknowledged, with its entries."""
    tables: Tables = {
        "task": [{"id": "t", "title": "one"}],
        "audit_change": [{"id": 1, "entity": "task", "entity_id": "t", "request_id": "r", "changes": {"title": {}}}],
        "audit_access": [{"id": 1, "request_id": "r", "status": 201, "call_id": "c"}],
        "audit_run": [{"log": log, "first_seq": 1, "first_id": 1, "length": 1} for log in ("changes", "access")],
        "audit_day": [{"log": log, "entries": 1} for log in ("changes", "access")],
        "audit_hour": [{"entries": 1}],
        "audit_field": [{"entries": 1}],
    }
    return tables, Traffic(tasks={"one": "t"}, attempts={"r": Answer(201, "t")})


NEW_ROWS: dict[str, Row] = {
    "task": {"id": "u", "title": "one"},
    "audit_change": {"id": 2, "entity": "task", "entity_id": "t", "request_id": "r", "changes": {}},
    "audit_access": {"id": 2, "request_id": "r", "status": 201, "call_id": "c"},
    "audit_run": {"log": "changes", "first_seq": 2, "first_id": 1, "length": 1},
    "audit_day": {"log": "access", "entries": 1},
    "audit_hour": {"entries": 1},
    "audit_field": {"entries": 1},
}


@pytest.mark.parametrize("table", NEW_ROWS)
def test_what_is_lost_or_doubled_is_found(table: str) -> None:
    assert find_complaints(*consistent(), SEALED) == []

    tables, traffic = consistent()
    tables[table].pop(0)
    assert find_complaints(tables, traffic, SEALED)

    tables, traffic = consistent()
    tables[table].append(NEW_ROWS[table])
    assert find_complaints(tables, traffic, SEALED)
