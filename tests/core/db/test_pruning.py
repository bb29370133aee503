"""Pruning: old rows go in small transactions, audited ones leave their change entry, referenced ones stay."""

import asyncio
import logging
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select

from app.core.clock import new_id, now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.db.pruning import Pruner, PruneRule, hidden_rows, old_rows
from app.core.db.session import Session
from app.core.runtime.periodic_task import PeriodicTask
from app.modules import prune_rules
from app.modules.brands.models import Brand
from app.modules.products.models import Product, StockMovement
from app.modules.sessions.models import LoginAttempt
from app.modules.tasks.models import Task
from tests.core.db.pruning import prune
from tests.core.db.rows import count
from tests.modules.audit.entries import add_task, change_entries
from tests.people import SignedInAs

HOUR = timedelta(hours=1)
AT_ONCE = -HOUR
"""An age at which everything is too old."""


async def add_logins(database: Database, job: RequestContext, *ages: timedelta) -> None:
    """Add entries of the login log that are so old."""
    rows = [{"id": new_id(), "at": now() - age, "is_successful": False, "request_id": "r"} for age in ages]
    async with database.unit_of_work(job) as session:
        await session.execute(insert(table_of(LoginAttempt)), rows)


async def test_old_rows_go_and_young_ones_stay(database: Database, job: RequestContext) -> None:
    await add_logins(database, job, *[timedelta(days=400)] * 5, timedelta(days=300))

    await prune(database)

    assert await count(database, job, LoginAttempt) == 1


async def test_every_batch_is_a_transaction_of_its_own(database: Database, job: RequestContext) -> None:
    await add_logins(database, job, *[timedelta(days=400)] * 5)
    commits: list[int] = []

    def count_commit(_session: Any) -> None:
        commits.append(1)

    database.hooks.after_commit.append(count_commit)
    await prune(database, [old_rows(LoginAttempt, "at", HOUR)], batch=2)
    database.hooks.after_commit.remove(count_commit)

    assert len(commits) == 3
    assert await count(database, job, LoginAttempt) == 0


async def test_a_batch_that_dies_is_removed_by_the_next_run(database: Database, job: RequestContext) -> None:
    await add_logins(database, job, *[timedelta(days=400)] * 5)
    rule = old_rows(LoginAttempt, "at", HOUR)

    async def remove_and_crash(session: Session, limit: int) -> int:
        await rule.remove(session, limit)
        raise RuntimeError("the process dies here")

    pruner = Pruner(database, [PruneRule("login_attempt", remove_and_crash), rule], batch=2)
    await pruner.run()

    assert await count(database, job, LoginAttempt) == 3, "the rule that failed removed nothing, the other one a batch"
    await prune(database, [rule])
    assert await count(database, job, LoginAttempt) == 0


async def test_a_backlog_is_removed_without_waiting_for_the_next_interval(
    database: Database, job: RequestContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.core.db.pruning.FIRST_RUN_SECONDS", 0.0)
    await add_logins(database, job, *[timedelta(days=400)] * 7)
    done = asyncio.Event()
    rule = old_rows(LoginAttempt, "at", HOUR)

    async def remove(session: Session, limit: int) -> int:
        removed = await rule.remove(session, limit)
        if removed < limit:
            done.set()
        return removed

    pruner = Pruner(database, [PruneRule(rule.table, remove)], batch=2)
    pruner.start()
    await asyncio.wait_for(done.wait(), 30)
    await pruner.stop()

    assert await count(database, job, LoginAttempt) == 0


async def test_the_log_says_what_was_removed(
    database: Database, job: RequestContext, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await add_logins(database, job, *[timedelta(days=400)] * 5)

    await prune(database)

    lines = [record.getMessage() for record in caplog.records if "rows_pruned" in record.getMessage()]
    assert len(lines) == 1
    assert "login_attempt" in lines[0]
    assert "5" in lines[0]


async def test_a_hidden_item_leaves_a_change_entry_of_the_system(
    database: Database, job: RequestContext, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as("tasks:create", "tasks:delete", "tasks:read")
    ids = [(await person.post("/tasks", {"title": f"task {number}"})).json()["id"] for number in range(5)]
    for gone in ids[:4]:
        assert (await person.delete(f"/tasks/{gone}")).status_code == 204
    await prune(database)
    assert await count(database, job, Task) == 5, "nothing is old enough"

    await prune(database, hidden_rows(AT_ONCE))

    assert await count(database, job, Task) == 1
    entries = [row for row in await change_entries(database, job, "task") if row.action == "delete"]
    assert {row.entity_id for row in entries} == set(ids[:4])
    assert {(row.actor_kind, row.actor_name) for row in entries} == {("system", "prune")}
    assert entries[0].changes["title"]["old"].startswith("task ")
    assert (await person.get(f"/tasks/{ids[0]}/history")).status_code == 404, "nor does its history show to readers"
    assert (await person.get(f"/tasks/{ids[4]}/history")).status_code == 200


async def test_a_hidden_item_to_which_another_refers_stays(
    database: Database, job: RequestContext, signed_in_as: SignedInAs
) -> None:
    """A brand that was hidden first stays until the product that refers to it goes; movements go with the product."""
    root = await signed_in_as(superuser=True)
    brand = (await root.post("/brands", {"name": "Lumen"})).json()["id"]
    values = {"sku": "L-1", "name": "Lamp", "price": "1.00", "currency": "EUR", "brand_id": brand}
    product = (await root.post("/products", values)).json()["id"]
    for _ in range(3):
        moved = await root.post(f"/products/{product}/stock-movements", {"delta": 1, "reason": "delivery"})
        assert moved.status_code == 201, moved.text
    assert (await root.delete(f"/products/{product}")).status_code == 204
    assert (await root.delete(f"/brands/{brand}")).status_code == 204
    only_brands = [rule for rule in hidden_rows(AT_ONCE) if rule.table == "brand"]

    await prune(database, only_brands)
    assert await count(database, job, Brand) == 1

    await prune(database, hidden_rows(AT_ONCE))
    assert [await count(database, job, model) for model in (Brand, Product, StockMovement)] == [0, 0, 0]
    removed = [row for row in await change_entries(database, job, "stock_movement") if row.action == "delete"]
    assert len(removed) == 3


async def test_hidden_users_and_roles_stay(database: Database) -> None:
    """Policy versions name them, and a rollback brings roles back."""
    tables = {rule.table for rule in prune_rules(database.settings)}

    assert tables >= {"task", "product", "customer", "brand", "category", "login_attempt", "auth_session"}
    assert tables >= {"audit_spool", "policy_version", "idempotency_key", "sign_in_counter", "security_event"}
    assert not tables & {"user", "role", "audit_access", "audit_change"}


async def test_two_processes_remove_each_row_once(database: Database, job: RequestContext) -> None:
    for number in range(12):
        await add_task(database, job, title=f"task {number}", deleted_at=now())
    rules = hidden_rows(AT_ONCE)

    await asyncio.gather(*(prune(database, rules) for _ in range(3)))
    await prune(database, rules)

    entries = [row.entity_id for row in await change_entries(database, job, "task") if row.action == "delete"]
    assert len(entries) == len(set(entries)) == 12
    assert await count(database, job, Task) == 0


async def test_an_item_that_is_being_restored_is_left_alone(database: Database, job: RequestContext) -> None:
    """On PostgreSQL its row is skipped; on SQLite one of the two waits for the other."""
    if database.is_sqlite:
        pytest.skip("SQLite has one writer")
    task = await add_task(database, job, deleted_at=now())
    async with database.unit_of_work(job) as session:
        statement = select(Task).where(table_of(Task).c.id == task.id).with_for_update()
        row = (await session.execute(statement, execution_options={"include_deleted": True})).scalar_one()
        row.deleted_at = None
        await session.flush()
        await asyncio.create_task(prune(database, hidden_rows(AT_ONCE)))

    await prune(database, hidden_rows(AT_ONCE))
    assert await count(database, job, Task) == 1


async def test_the_first_run_can_wait() -> None:
    runs: list[int] = []

    async def work() -> bool:
        runs.append(1)
        return True

    task = PeriodicTask("later", work, 1.0, first_after=3600.0)
    await asyncio.sleep(0)
    assert runs == []
    task.wake()
    await asyncio.wait_for(task.task, 5)
    assert runs == [1]
