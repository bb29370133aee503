"""What change entries tell of a person is under a key of that person, whatever table it comes from."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import Column, MetaData, String, Table, Uuid

from app.core.context import RequestContext
from app.core.db.audited import audited_models
from app.core.db.derived import own_columns
from app.core.db.entity import Entity, table_of
from app.core.db.redaction import LOOKS_PERSONAL, PLAIN
from app.modules import import_models
from app.modules.audit.changes.redaction_rules import (
    UndeclaredRedaction,
    redaction_of,
    redactions,
)
from tests.modules.audit.entries import change_entries
from tests.modules.audit.erasure import erase
from tests.modules.auth.calls import sign_in
from tests.modules.roles.policies import role
from tests.people import SignedInAs

import_models()
CANARY = "canary"
WORDS_OF_THE_CODE = {"api_key": {"prefix", "scopes"}, "auth_session": {"revoked_reason"}}
"""Texts in rows of a user that nobody typed, by table."""
PERSONAL = [
    *("ip", "last_used_ip", "ip_address", "address", "allowed_addresses", "user_agent", "useragent", "email", "e_mail"),
    *("work_email", "phone", "mobile", "fax", "username", "user_name", "first_name", "last_name", "birth_date"),
]


def in_clear(table: Table, words: set[str], *, is_of_a_user: bool) -> Iterator[str]:
    """The columns of an audited table that tell of a person and are recorded as they are.

    In rows of a user these are all that hold words: a name of a key, or a reason, can tell anything.
    """
    for column in own_columns(table):
        has_words = column.type.python_type in (str, dict, list) and column.name not in words
        is_personal = LOOKS_PERSONAL.search(column.name) or (is_of_a_user and has_words)
        if is_personal and (column.info.get("redaction") or PLAIN).treatment == "plain":
            yield f"{table.name}.{column.name}"


def models() -> Iterator[tuple[str, type[Entity]]]:
    yield from audited_models().items()


def test_no_column_tells_of_a_person_in_clear() -> None:
    found = [
        column
        for name, model in models()
        for column in in_clear(
            table_of(model), WORDS_OF_THE_CODE.get(name, set()), is_of_a_user=model.target_user_column is not None
        )
    ]

    assert found == []


@pytest.mark.parametrize("name", [*PERSONAL, "reason"])
def test_a_planted_column_is_found(name: str) -> None:
    table = Table("planted", MetaData(), Column("id", Uuid), Column(name, String), Column("user_id", Uuid))

    assert list(in_clear(table, set(), is_of_a_user=True)) == [f"planted.{name}"]


def test_personal_data_in_rows_of_a_user_is_that_of_the_user() -> None:
    for name, model in models():
        subjects = {rule.subject for rule in redactions(model).values() if rule.treatment == "personal"}
        if model.target_user_column is not None:
            assert subjects <= {model.target_user_column}, name
        assert all(table_of(model).c[subject].type.python_type is UUID for subject in subjects if subject), name


@pytest.mark.parametrize("name", PERSONAL)
def test_a_column_that_looks_personal_and_declares_nothing_stops_the_start(name: str) -> None:
    table = Table("planted", MetaData(), Column(name, String), Column("ship", String))

    with pytest.raises(UndeclaredRedaction, match=f"planted.{name} looks personal"):
        redaction_of(table.c[name])
    assert redaction_of(table.c.ship) == PLAIN


BESIDE = {"item_name", "owner_name", "names"}


async def leave_traces(app: FastAPI, signed_in_as: SignedInAs) -> UUID:
    """A user who has signed in, refreshed, made an API key and got a role, each with words that tell of that user."""
    root, person = await signed_in_as(superuser=True), await signed_in_as("tasks:read")
    profile = {"username": f"{CANARY}.user", "first_name": f"{CANARY} first", "email": f"{CANARY}@example.com"}
    (await root.patch(f"/users/{person.id}", profile)).raise_for_status()
    pair = (await sign_in(person.client, profile["username"])).raise_for_status().json()
    body, headers = {"refresh_token": pair["refresh_token"]}, {"User-Agent": f"{CANARY} browser"}
    (await person.client.post("/auth/token/refresh", json=body, headers=headers)).raise_for_status()
    key = {"name": f"{CANARY} key", "scopes": ["tasks:read"], "allowed_addresses": ["203.0.113.77"]}
    (await person.post("/auth/api-keys", key)).raise_for_status()
    given = {"role_ids": [await role(root, "Reader")], "reason": f"{CANARY} reason"}
    (await root.put(f"/users/{person.id}/roles", given)).raise_for_status()
    return person.id


async def all_changes(app: FastAPI) -> str:
    """Every stored change, as text."""
    entries = [await change_entries(app.state.database, RequestContext(), name) for name, _ in models()]
    return str([entry.changes for found in entries for entry in found])


async def test_traces_of_a_user_are_shown_until_the_user_is_erased(app: FastAPI, signed_in_as: SignedInAs) -> None:
    user_id = await leave_traces(app, signed_in_as)
    auditor = await signed_in_as("audit:read")

    stored = await all_changes(app)
    shown = (await auditor.get("/audit/changes?limit=100")).text
    await erase(app.state.database, user_id)
    entries = (await auditor.get("/audit/changes?limit=100")).json()["items"]
    # names beside ids are those of the rows, which this leaves as they are
    erased = str([{name: entry[name] for name in entry.keys() - BESIDE} for entry in entries])

    traces = (".user", " first", "@example.com", " browser", " key", " reason")
    assert [trace for trace in traces if CANARY + trace not in shown] == []
    assert CANARY not in stored
    assert "192.0.2.7" not in stored, "the address of the client in tests"
    assert "203.0.113.77" not in stored
    assert CANARY not in erased
    assert "$erased" in erased
    sessions = (await auditor.get("/audit/changes?entity=auth_session&field=user_agent")).json()["items"]
    agents = [entry["changes"]["user_agent"]["new"] for entry in sessions]
    assert agents.count({"$erased": True}) == 2, "a sign-in, and a refresh from elsewhere"
