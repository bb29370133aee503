"""Applications with chosen master keys, and the keys of the people in their databases."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import Executable, select

from app.core.config import Settings
from app.core.context import RequestContext
from app.core.db.connecting import create_engine
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.db.session import AnyRow
from app.core.security.keys import MasterKey
from app.modules.audit.models import AuditSubjectKey
from tests.fixtures.application import client_of, started
from tests.people import Person, person
from tests.roles import as_owner

OLD, NEW = "the master key of last year", "the master key of this year"
keys_table = table_of(AuditSubjectKey)


def id_of(secret: str) -> str:
    """The public identifier of a master key."""
    return MasterKey.derive(secret, "personal-data").id


def settings_with(settings: Settings, *secrets: str) -> Settings:
    """`settings` with these master keys."""
    audit = settings.audit.model_copy(update={"personal_key": tuple(SecretStr(secret) for secret in secrets)})
    return settings.model_copy(update={"audit": audit})


@asynccontextmanager
async def caller_with(settings: Settings, *secrets: str) -> AsyncIterator[tuple[FastAPI, Person]]:
    """An application with these master keys, and a superuser who calls it."""
    async with started(settings_with(settings, *secrets)) as app, client_of(app) as client:
        yield app, await person(app, client, superuser=True)


async def add_customer(caller: Person) -> str:
    """The id of a new customer, whose first name is Cordelia."""
    body = {"first_name": "Cordelia", "last_name": "Other", "email": f"c{uuid4().hex}@example.com"}
    created = await caller.post("/customers", body)
    assert created.status_code == 201, created.text
    return str(created.json()["id"])


async def shown_names(caller: Person, customer: str) -> list[Any]:
    """The first names that the history of a customer shows, the newest first."""
    items = (await caller.get(f"/customers/{customer}/history")).json()["items"]
    return [item["changes"]["first_name"]["new"] for item in items if "first_name" in item["changes"]]


async def wrapped_keys(database: Database) -> Sequence[AnyRow]:
    """The keys of all people, as they are stored."""
    return await database.read_session(RequestContext.for_job("test")).all(select(keys_table).order_by(keys_table.c.id))


async def change_by_sql(database: Database, statement: Executable) -> None:
    """Change the database behind the application."""
    engine = create_engine(as_owner(database.settings))
    try:
        async with engine.begin() as connection:
            await connection.execute(statement)
    finally:
        await engine.dispose()
