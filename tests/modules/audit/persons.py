"""Persons whose data is planted everywhere, and the places where it is looked for."""

import base64
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

import httpx
from fastapi import FastAPI
from sqlalchemy import select
from sqlmodel import SQLModel

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.modules.audit.changes.reading import decrypt
from app.modules.idempotency.models import IdempotencyKey
from app.modules.idempotency.service import decrypt_answer
from tests.modules.audit.entries import changes_table
from tests.people import FIRST_PASSWORD, Person, choose_password

WHY = {"Audit-Reason": "asked by letter 4711"}
AGENT = "Canarybrowser/7.3 (planted)"
CUSTOMER = {
    "first_name": "Canaria-Ines",
    "last_name": "Canaria-Costa",
    "email": "canaria.customer@example.com",
    "phone": "+4930901820",
    "birth_date": "1971-03-09",
    "company": "Canaria Shipping",
    "address": {"line1": "Canaria Street 1", "city": "Canariacity", "country": "DE"},
    "notes": "canaria likes tea",
}
CUSTOMER_WORDS = ["canaria", "+4930901820", "1971-03-09"]
USER_WORDS = ["canarius", "canarybrowser", "203.0.113.77"]


async def plant_customer(admin: Person) -> str:
    """A customer who was made and changed. Returns the id."""
    headers = {"Idempotency-Key": "plant-customer"}
    made = await admin.post("/customers", CUSTOMER, headers=headers)
    assert made.status_code == 201, made.text
    item = str(made.json()["id"])
    await admin.patch(f"/customers/{item}", {"last_name": "Canaria-Silva", "notes": "canaria likes coffee"})
    await admin.get("/customers", params={"q": "canaria"})
    return item


async def plant_user(admin: Person, client: httpx.AsyncClient, *, is_superuser: bool = True) -> Person:
    """A user who signs in, mistypes the password, changes things, and has a key that is used."""
    names = {"username": "canarius.person", "email": "canarius@example.com"}
    body: dict[str, Any] = {**names, "first_name": "Canarius", "last_name": "Canarius-Last", "password": FIRST_PASSWORD}
    body |= {"is_superuser": is_superuser}
    made = await admin.post("/users", body, headers={"Idempotency-Key": uuid4().hex})
    assert made.status_code == 201, made.text
    agent = {"User-Agent": AGENT}
    form = {"username": names["username"], "password": FIRST_PASSWORD}
    await client.post("/auth/token", data={**form, "password": "wrong and long enough"}, headers=agent)
    pair = (await client.post("/auth/token", data=form, headers=agent)).json()
    person = Person(made.json()["id"], names["username"], client, pair["access_token"], pair["refresh_token"])
    await choose_password(person)
    assert (await person.get("/auth/me", headers=agent)).status_code == 200
    await person.patch("/auth/me", {"last_name": "Canarius-Other"}, headers=agent)
    if not is_superuser:
        return person
    key = await person.post("/auth/api-keys", {"name": "canarius key", "scopes": ["tasks:read"]}, headers=agent)
    assert key.status_code == 201, key.text
    await client.get("/tasks", headers={"Authorization": f"Bearer {key.json()['key']}", **agent})
    return person


async def erase(admin: Person, path: str, **options: Any) -> httpx.Response:
    return await admin.post(f"{path}/erase", headers=WHY, **options)


async def dump(database: Database) -> str:
    """Every value of every table; change entries and stored answers decrypted with all keys that there are."""
    reader = database.read_session(RequestContext.for_job("dump"))
    models = [mapper.class_ for mapper in SQLModel._sa_registry.mappers if mapper.class_.__module__.startswith("app.")]
    rows = [row for model in models for row in await reader.all(select(table_of(model)))]
    entries = await decrypt(reader, await reader.all(select(changes_table)))
    keys = database.keys.responses
    stored = await reader.all(select(table_of(IdempotencyKey)))
    answers = [decrypt_answer(keys, row.id, row.answer).body.decode() for row in stored]
    return "\n".join([*(" ".join(texts(row)) for row in rows), *map(str, entries), *answers]).lower()


def texts(row: Iterable[Any]) -> list[str]:
    """The values of a row as texts; of bytes what they would be in each usual form."""
    found = []
    for value in row:
        if isinstance(value, bytes):
            found += [value.decode("latin-1"), value.hex(), base64.b64encode(value).decode()]
        else:
            found.append(str(value))
    return found


def spooled(app: FastAPI) -> str:
    """What is in the spool files."""
    folder = app.state.settings.state_dir / "spool"
    return b"".join(path.read_bytes() for path in folder.iterdir()).decode("latin-1").lower()


def left(words: Iterable[str], text: str) -> list[str]:
    """Those of `words` that are in `text`."""
    return [word for word in words if word in text]
