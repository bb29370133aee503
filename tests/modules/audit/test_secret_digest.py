"""Digests of secrets: they show what changed behind the application, and tell nothing of the secret."""

import base64
import hashlib
import hmac
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from app.core.clock import now
from app.core.config import Settings
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.security.keys import Keys
from app.modules.audit.changes.place import Place
from app.modules.audit.changes.secret_digest import secret_digest
from app.modules.audit.models import AuditChange
from app.modules.users import User
from tests.modules.audit.entries import change_entries
from tests.modules.audit.master_keys import NEW, OLD, change_by_sql, settings_with
from tests.people import PASSWORD_HASH, SignedInAs

users = table_of(User)
KEY = bytes(range(32))
PLACE = Place("user", "01a2", "password_hash")


async def add_user(database: Database, job: RequestContext, name: str, password_hash: str = PASSWORD_HASH) -> User:
    async with database.unit_of_work(job) as session:
        user = User(username=name, email=f"{name}@example.com", password_hash=password_hash)
        session.add(user)
    return user


async def logged_digest(database: Database, job: RequestContext, user: User) -> Any:
    """The digest of the password hash after its last change in the log."""
    entries = [entry for entry in await change_entries(database, job, "user") if entry.entity_id == str(user.id)]
    changed = [entry.changes["password_hash"] for entry in entries if "password_hash" in entry.changes]
    return changed[-1]["new"]["$secret"]


async def live_digest(database: Database, job: RequestContext, user: User) -> str:
    """The digest of the password hash that is stored."""
    value = await database.read_session(job).value(select(users.c.password_hash).where(users.c.id == user.id))
    return secret_digest(database.keys.secret_digest, Place("user", str(user.id), "password_hash"), value)


async def test_a_secret_that_was_swapped_behind_the_application_is_recognized(
    database: Database, job: RequestContext
) -> None:
    user = await add_user(database, job, "ann")
    assert await live_digest(database, job, user) == await logged_digest(database, job, user)

    await change_by_sql(database, update(users).values(password_hash="swapped"))
    swapped = await live_digest(database, job, user)
    async with database.unit_of_work(job) as session:
        (await session.execute(select(User))).scalar_one().password_hash = "changed"
    entry = (await change_entries(database, job, "user"))[-1]
    await change_by_sql(database, update(users).values(password_hash=PASSWORD_HASH))
    restored = await live_digest(database, job, user)

    created, changed = [each.changes["password_hash"] for each in await change_entries(database, job, "user")]
    assert swapped != created["new"]["$secret"]
    assert entry.changes["password_hash"]["old"] == {"$secret": swapped}, "the next change shows it too"
    assert changed["new"]["$secret"] not in (swapped, restored)
    assert restored == created["new"]["$secret"], "two equal states have one digest"


async def test_equal_secrets_of_two_rows_have_different_digests(database: Database, job: RequestContext) -> None:
    ann, bob = await add_user(database, job, "ann"), await add_user(database, job, "bob")

    assert await logged_digest(database, job, ann) != await logged_digest(database, job, bob)


async def test_an_empty_secret_has_a_digest_too(database: Database, job: RequestContext) -> None:
    """A service account has the empty password hash."""
    user = await add_user(database, job, "robot", password_hash="")

    assert await logged_digest(database, job, user) == await live_digest(database, job, user)


def test_the_encoding_is_what_it_was() -> None:
    """A digest must be comparable with one of years ago, so this text never changes."""
    message = b'["user","01a2","password_hash","\\u00e9\\""]'
    expected = base64.urlsafe_b64encode(hmac.new(KEY, message, hashlib.sha256).digest()[:16]).rstrip(b"=").decode()

    assert secret_digest(KEY, PLACE, 'é"') == expected == "7LIjVzT2t_8uwJYGERh8tQ"
    assert secret_digest(KEY, PLACE, b"\x00\xff") == secret_digest(KEY, PLACE, "AP8="), "bytes have the form of base64"


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (Place("users", "01a2", "password_hash"), "x"),
        (Place("user", "01a3", "password_hash"), "x"),
        (Place("user", "01a2", "seed"), "x"),
        (Place("user", "01a2", "password_hash"), "X"),
        (Place("user", '01a2","password_hash', "x"), ""),
        (Place("use", "r01a2", "password_hash"), "x"),
        (Place("user", "01a2", "password_hash"), ["x"]),
    ],
)
def test_place_and_value_are_told_apart(place: Place, value: object) -> None:
    assert secret_digest(KEY, place, value) != secret_digest(KEY, PLACE, "x")


def test_no_digest_without_the_key() -> None:
    assert secret_digest(KEY, PLACE, "1234") != secret_digest(KEY[::-1], PLACE, "1234")


def test_a_digest_does_not_depend_on_the_master_key(settings: Settings) -> None:
    before, after = (Keys.load(settings_with(settings, *secrets)) for secrets in ((OLD,), (NEW, OLD)))

    assert before.personal[0] != after.personal[0]
    assert before.secret_digest == after.secret_digest


async def test_entries_of_older_versions_stay_readable(
    database: Database, signed_in_as: SignedInAs, job: RequestContext
) -> None:
    auditor = await signed_in_as("audit:read")
    changes = {"password_hash": {"old": {"$secret": True}, "new": {"$secret": True}}}
    old = {"at": now(), "format": 1, "request_id": "old", "actor_kind": "system", "source": "hook", "action": "update"}
    values = {**old, "entity": "user", "entity_id": str(auditor.id), "changes": changes, "redaction_version": "1"}
    await change_by_sql(database, insert(table_of(AuditChange)).values(values))

    shown = (await auditor.get("/audit/changes", params={"request_id": "old"})).json()["items"]

    assert [item["changes"] for item in shown] == [changes]
