"""The cache of permissions: which requests it answers, and which changes invalidate it."""

import asyncio
import math
from contextlib import suppress

import pytest
from fastapi import FastAPI
from sqlalchemy import select
from sqlmodel import col

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.main import create_app
from app.modules.rbac.engine.cache import EventFeed
from app.modules.roles.models import Role
from scripts.servers import PATIENCE_SECONDS
from tests.core.db.plans import statements_of
from tests.modules.roles.policies import role_of
from tests.people import SignedInAs


async def test_a_cached_permission_needs_no_query(signed_in_as: SignedInAs, database: Database, app: FastAPI) -> None:
    person = await signed_in_as("tasks:read")
    await person.get("/auth/me/menu")
    app.state.authenticator.feed.polled_at = math.inf

    with statements_of(database) as statements:
        denied = await person.post("/tasks", {"title": "no"})

    assert denied.status_code == 403
    assert [sql for sql, _ in statements if "auth_session" in sql or "role_module" in sql] == []


async def test_another_process_learns_of_a_change(
    signed_in_as: SignedInAs, database: Database, job: RequestContext, app: FastAPI
) -> None:
    """A second application on the same database stands for the other process."""
    root, person = await signed_in_as(superuser=True), await signed_in_as("tasks:read")
    role = await role_of(person, root)
    assert (await person.get("/tasks")).status_code == 200
    other = create_app(database.settings)
    async with other.router.lifespan_context(other), other.state.database.unit_of_work(job) as session:
        row = (await session.execute(select(Role).where(col(Role.id) == role))).scalar_one()
        row.is_active = False

    async with asyncio.timeout(PATIENCE_SECONDS):
        while (status := (await person.get("/tasks")).status_code) == 200:  # noqa: ASYNC110  # another process
            await asyncio.sleep(0.05)
    assert status == 403


async def test_a_process_whose_feed_is_stale_ignores_its_cache(
    signed_in_as: SignedInAs,
    database: Database,
    job: RequestContext,
    app: FastAPI,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No poll succeeded for too long: every request asks the database, until a poll succeeds."""
    root, person = await signed_in_as(superuser=True), await signed_in_as("tasks:read")
    role = await role_of(person, root)
    assert (await person.get("/tasks")).status_code == 200
    feed: EventFeed = app.state.authenticator.feed
    await fail_polls(feed, monkeypatch)
    other = create_app(database.settings)
    async with other.router.lifespan_context(other), other.state.database.unit_of_work(job) as session:
        (await session.execute(select(Role).where(col(Role.id) == role))).scalar_one().is_active = False

    feed.polled_at = math.inf
    assert (await person.get("/tasks")).status_code == 200, "the feed is current: the cache answers"
    feed.polled_at = -math.inf
    assert (await person.get("/tasks")).status_code == 403


async def fail_polls(feed: EventFeed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every poll fail from now on; returns when one has, so that none that succeeds is still running."""
    failed = asyncio.Event()

    async def fail() -> None:
        failed.set()
        raise ConnectionError("the database is unavailable")

    monkeypatch.setattr(feed, "catch_up", fail)
    await failed.wait()


async def test_a_savepoint_that_rolls_back_does_not_hide_a_change(
    signed_in_as: SignedInAs, database: Database, job: RequestContext
) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as("tasks:read")
    role = await role_of(person, root)
    assert (await person.get("/tasks")).status_code == 200

    async with database.unit_of_work(job) as session:
        (await session.execute(select(Role).where(col(Role.id) == role))).scalar_one().is_active = False
        await session.flush()
        with suppress(ZeroDivisionError):
            async with session.begin_nested():
                session.add(Role(name="undone"))
                await session.flush()
                raise ZeroDivisionError

    assert (await person.get("/tasks")).status_code == 403


async def test_a_rolled_back_change_invalidates_no_cache(
    signed_in_as: SignedInAs, database: Database, job: RequestContext, app: FastAPI
) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as("tasks:read")
    role = await role_of(person, root)
    await person.get("/tasks")
    version = app.state.authenticator.cache.version

    with suppress(ZeroDivisionError):
        async with database.unit_of_work(job) as session:
            (await session.execute(select(Role).where(col(Role.id) == role))).scalar_one().is_active = False
            await session.flush()
            raise ZeroDivisionError

    assert app.state.authenticator.cache.version == version
    assert (await person.get("/tasks")).status_code == 200
