"""Erasing a person: nothing tells of them any more, everything that was sealed still verifies, and a ledger says so."""

import asyncio
import io
import logging
import zipfile
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import insert, select

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.audited import audited_models
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.db.pruning import Pruner
from app.core.db.session import Session
from app.modules import import_models, prune_rules
from app.modules.audit.changes.personal_data import keys_table
from app.modules.audit.entries.callers import Caller, to_values
from app.modules.audit.erasure.erasing import erase as erase_in
from app.modules.audit.erasure.tables import PersonTable, neutral_value
from app.modules.audit.sealer.logs import Log
from app.modules.audit.verifier.command import verify
from app.modules.roles import LastSuperuser
from app.modules.users import UserService
from tests.modules.audit.entries import callers, stored_callers
from tests.modules.audit.persons import (
    CUSTOMER,
    CUSTOMER_WORDS,
    USER_WORDS,
    WHY,
    dump,
    erase,
    left,
    plant_customer,
    plant_user,
    spooled,
)
from tests.modules.audit.sealer.sealed import read_all, run_sql, seal_all, sealer_of
from tests.modules.auth.calls import refresh, sign_in
from tests.people import PASSWORD, Person, SignedInAs


@pytest.fixture
async def admin(signed_in_as: SignedInAs) -> Person:
    return await signed_in_as(superuser=True)


@pytest.fixture
async def elsewhere(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client with an address of its own."""
    transport = httpx.ASGITransport(app=app, client=("203.0.113.77", 1234), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test/api/v1") as client:
        yield client


async def seal_both(app: FastAPI) -> None:
    await app.state.access_log.flush()
    for log in Log:
        await seal_all(sealer_of(app.state.database), log)


async def test_nothing_tells_of_an_erased_customer(app: FastAPI, database: Database, admin: Person) -> None:
    item = await plant_customer(admin)
    path = f"/customers/{item}"
    at = now().isoformat()
    await seal_both(app)
    assert left(CUSTOMER_WORDS, await dump(database)) == CUSTOMER_WORDS

    erased = await erase(admin, path)

    assert erased.status_code == 200, erased.text
    row = erased.json()
    assert (row["entity"], row["entity_id"], row["reason"]) == ("customer", item, WHY["Audit-Reason"])
    assert (row["keys"], row["callers"], row["actor_name"]) == (1, 0, admin.username)
    assert left(CUSTOMER_WORDS, await dump(database)) == []
    assert (await admin.get(path)).status_code == 404
    for read in (f"{path}/history", f"{path}/as-of?at={at.replace('+', '%2B')}"):
        answer = await admin.get(read)
        assert (answer.status_code, left(CUSTOMER_WORDS, answer.text)) == (200, []), answer.text
        assert "$erased" in answer.text
    assert await read_all(database, select(keys_table).where(keys_table.c.subject_id == UUID(item))) == []


async def test_nothing_tells_of_an_erased_user(
    app: FastAPI, database: Database, admin: Person, elsewhere: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    person = await plant_user(admin, elsewhere)
    await seal_both(app)
    assert left(USER_WORDS, await dump(database)) == USER_WORDS

    erased = await erase(admin, f"/users/{person.id}")
    await app.state.access_log.flush()

    assert erased.status_code == 200, erased.text
    assert (erased.json()["keys"], erased.json()["callers"] > 2) == (1, True)
    assert left(USER_WORDS, await dump(database)) == []
    assert left(USER_WORDS, spooled(app) + caplog.text.lower()) == []
    for path in ("/audit/changes", "/audit/access", "/auth/logins", "/users", "/users?deleted=only"):
        answer = await admin.get(path, headers={"Accept": "application/x-ndjson"})
        assert (answer.status_code, left(USER_WORDS, answer.text.lower())) == (200, []), path
    for log in Log:
        evidence = await admin.get(f"/audit/evidence/{log.value}")
        files = zipfile.ZipFile(io.BytesIO(evidence.content))
        assert left(USER_WORDS, "".join(files.read(name).decode() for name in files.namelist()).lower()) == []


async def test_an_erased_user_is_out(admin: Person, client: httpx.AsyncClient, elsewhere: httpx.AsyncClient) -> None:
    person = await plant_user(admin, elsewhere)

    await erase(admin, f"/users/{person.id}")

    assert (await person.get("/auth/me")).status_code == 401
    assert (await refresh(client, person.refresh_token)).status_code == 401
    assert (await sign_in(client, person.username, PASSWORD)).status_code == 401
    restored = await admin.post(f"/users/{person.id}/restore")
    assert (restored.status_code, restored.json()["code"]) == (409, "erased")
    again = await plant_user(admin, elsewhere)
    assert again.id != person.id


async def test_what_was_sealed_verifies_after_an_erasure(
    app: FastAPI, database: Database, admin: Person, elsewhere: httpx.AsyncClient
) -> None:
    item, person = await plant_customer(admin), await plant_user(admin, elsewhere)
    await seal_both(app)

    await erase(admin, f"/customers/{item}")
    await erase(admin, f"/users/{person.id}")
    await seal_both(app)

    result = await verify(database)
    assert result.exit_code == 0, result


async def test_a_second_erasure_answers_the_same(admin: Person) -> None:
    path = f"/customers/{await plant_customer(admin)}"

    first, second = await erase(admin, path), await erase(admin, path)

    assert (first.status_code, second.status_code, second.json()) == (200, 200, first.json())
    ledger = (await admin.get("/audit/erasures", params={"entity_id": path.rpartition("/")[2]})).json()
    assert ledger["items"] == [first.json()]


async def test_two_erasures_at_once_are_one(admin: Person) -> None:
    path = f"/customers/{await plant_customer(admin)}"

    answers = await asyncio.gather(*(erase(admin, path) for _ in range(4)))

    assert {answer.status_code for answer in answers} == {200}, [answer.text for answer in answers]
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_an_update_that_runs_meanwhile_brings_nothing_back(database: Database, admin: Person) -> None:
    for _ in range(3):
        item = await plant_customer_again(admin)
        path = f"/customers/{item}"
        updates = [admin.patch(path, {"notes": f"canaria number {number}"}) for number in range(4)]

        erased, *others = await asyncio.gather(erase(admin, path), *updates)

        assert erased.status_code == 200, erased.text
        assert {answer.status_code for answer in others} <= {200, 404}, [answer.text for answer in others]
        assert left(CUSTOMER_WORDS, await dump(database)) == []


async def plant_customer_again(admin: Person) -> str:
    made = await admin.post("/customers", {"first_name": "Canaria", "last_name": "C", "email": f"{uuid4()}@x.example"})
    return str(made.json()["id"])


async def test_a_session_that_writes_meanwhile_brings_nothing_back(
    app: FastAPI, database: Database, admin: Person, elsewhere: httpx.AsyncClient
) -> None:
    person = await plant_user(admin, elsewhere)
    agent = {"User-Agent": "Canarybrowser/8 (another)"}
    renames = [person.patch("/auth/me", {"first_name": f"Canarius {n}"}, headers=agent) for n in range(4)]

    erased, *others = await asyncio.gather(erase(admin, f"/users/{person.id}"), *renames)
    await app.state.access_log.flush()
    await Pruner(database, prune_rules(database.settings)).run()
    await app.state.access_log.flush()

    assert erased.status_code == 200, erased.text
    assert {answer.status_code for answer in others} <= {200, 401, 404, 409}, [answer.text for answer in others]
    assert left(USER_WORDS, await dump(database)) == []


async def test_callers_who_come_back_are_removed(
    database: Database, admin: Person, elsewhere: httpx.AsyncClient
) -> None:
    person = await plant_user(admin, elsewhere)
    await erase(admin, f"/users/{person.id}")
    late = Caller(UUID(str(person.id)), "canarius", "203.0.113.77", None, now().date())
    await run_sql(database, insert(callers).values(to_values(late)))

    await Pruner(database, prune_rules(database.settings)).run()

    assert [row for row in await stored_callers(database) if row.user_id == late.user_id] == []


async def test_an_answer_that_told_of_the_person_is_empty_and_the_request_has_no_second_effect(admin: Person) -> None:
    item = await plant_customer(admin)
    other = await admin.post("/tasks", {"title": "once"}, headers={"Idempotency-Key": "other"})

    await erase(admin, f"/customers/{item}")
    again = await admin.post("/customers", CUSTOMER, headers={"Idempotency-Key": "plant-customer"})
    kept = await admin.post("/tasks", {"title": "once"}, headers={"Idempotency-Key": "other"})

    assert (again.status_code, again.content, again.headers["idempotency-replayed"]) == (201, b"", "true")
    assert kept.json() == other.json()
    assert (await admin.get("/customers", params={"q": "canaria"})).json()["items"] == []


async def test_who_may_erase(admin: Person, signed_in_as: SignedInAs, elsewhere: httpx.AsyncClient) -> None:
    item, person = await plant_customer(admin), await plant_user(admin, elsewhere, is_superuser=False)
    clerk = await signed_in_as("customers:delete", "customers:read", "audit:read", "audit:update")
    auditor = await signed_in_as("audit:read", "audit:delete")

    without_reason = await admin.post(f"/customers/{item}/erase")
    forbidden = await erase(clerk, f"/customers/{item}")
    own = await erase(admin, f"/users/{admin.id}")
    superuser = await erase(auditor, f"/users/{admin.id}")
    unknown = await erase(auditor, f"/customers/{uuid4()}")

    assert (without_reason.status_code, without_reason.json()["code"]) == (422, "invalid-fields")
    assert forbidden.status_code == 403
    assert (own.status_code, superuser.status_code) == (403, 403), (own.text, superuser.text)
    assert unknown.status_code == 404
    assert (await erase(auditor, f"/customers/{item}")).status_code == 200
    assert (await erase(auditor, f"/users/{person.id}")).status_code == 200


async def test_a_hold_prevents_the_erasure_until_it_ends(
    admin: Person, step_clock: Callable[[timedelta], None]
) -> None:
    item = await plant_customer(admin)
    path = f"/customers/{item}/legal-hold"
    until = now() + timedelta(minutes=1)

    past = await admin.put(path, {"reason": "a lawsuit", "until": "2020-01-01T00:00:00Z"})
    held = await admin.put(path, {"reason": "a lawsuit", "until": until.isoformat()})
    refused = await erase(admin, f"/customers/{item}")
    shown = (await admin.get(f"/customers/{item}/personal-data")).json()["hold"]
    entries = (await admin.get("/audit/changes", params={"entity": "audit_hold"})).json()["items"]
    step_clock(timedelta(minutes=2))
    expired = (await admin.get(f"/customers/{item}/personal-data")).json()["hold"]
    erased = await erase(admin, f"/customers/{item}")

    assert past.status_code == 422
    assert (held.status_code, held.json()["holds"]) == (200, True), held.text
    assert (refused.status_code, refused.json()["code"]) == (409, "legal-hold")
    assert shown["reason"] == "a lawsuit"
    assert entries[0]["changes"]["reason"]["new"] == "a lawsuit"
    assert expired["holds"] is False
    assert erased.status_code == 200, erased.text


async def test_the_last_superuser_is_not_erased(database: Database, admin: Person, job: RequestContext) -> None:
    """A caller can erase neither a superuser without being one, nor the own account. A job could."""
    with pytest.raises(LastSuperuser):
        async with database.unit_of_work(job) as session:
            await erase_in(UserService(session), admin.id)

    assert (await admin.get("/users")).status_code == 200
    assert (await admin.get("/audit/erasures")).json()["items"] == []


async def test_two_superusers_who_erase_each_other_leave_one(admin: Person, signed_in_as: SignedInAs) -> None:
    other = await signed_in_as(superuser=True)

    answers = await asyncio.gather(erase(admin, f"/users/{other.id}"), erase(other, f"/users/{admin.id}"))

    assert 200 in {answer.status_code for answer in answers}, [answer.text for answer in answers]
    left_over = [person for person in (admin, other) if (await person.get("/users")).status_code == 200]
    assert len(left_over) == 1


async def test_a_lifted_hold_does_not_hold(database: Database, admin: Person) -> None:
    item = await plant_customer(admin)
    path = f"/customers/{item}/legal-hold"
    await admin.put(path, {"reason": "canaria sues"})

    changed = await admin.put(path, {"reason": "canaria still sues", "until": None})
    refused = await erase(admin, f"/customers/{item}")
    lifted = [await admin.delete(path), await admin.delete(path)]
    erased = await erase(admin, f"/customers/{item}")
    late = await admin.put(path, {"reason": "too late"})

    assert (changed.status_code, refused.status_code) == (200, 409)
    assert [answer.status_code for answer in lifted] == [204, 404]
    assert erased.status_code == 200
    assert (late.status_code, late.json()["code"]) == (409, "erased")
    assert left(CUSTOMER_WORDS, await dump(database)) == []


async def test_everything_about_a_user(
    app: FastAPI, admin: Person, signed_in_as: SignedInAs, elsewhere: httpx.AsyncClient
) -> None:
    person = await plant_user(admin, elsewhere)
    await app.state.access_log.flush()
    path = f"/users/{person.id}/personal-data"
    auditor = await signed_in_as("audit:read")

    answer = await admin.get(path, params={"limit": 3})
    data = answer.json()
    forbidden = await auditor.get(path)

    assert answer.status_code == 200, answer.text
    assert {name for name, rows in data["rows"].items() if rows} >= {
        *("user", "auth_session", "auth_session_use", "api_key", "api_key_use", "login_attempt")
    }
    assert data["rows"]["user"][0]["email"] == "canarius@example.com"
    assert data["rows"]["api_key_use"][0]["last_used_ip"] == "203.0.113.77"
    assert not {"password_hash", "seed", "secret_hash"} & {
        name for rows in data["rows"].values() for row in rows for name in row
    }
    assert "argon2" not in answer.text
    assert {caller["ip"] for caller in data["callers"]} == {"203.0.113.77"}
    assert (data["is_complete"], data["erasure"], data["hold"]) == (True, None, None)
    assert (len(data["changes"]["items"]), data["changes"]["next_cursor"] is None) == (3, False)
    more = await admin.get(path, params={"limit": 3, "cursor": data["changes"]["next_cursor"]})
    assert more.status_code == 200
    assert forbidden.status_code == 403
    await erase(admin, f"/users/{person.id}")
    after = await admin.get(path)
    assert (after.json()["erasure"]["entity_id"], left(USER_WORDS, after.text.lower())) == (str(person.id), [])


async def test_a_person_whose_row_is_gone_is_erased_by_the_keys(database: Database, admin: Person) -> None:
    item = await plant_customer(admin)
    await admin.delete(f"/customers/{item}")

    async def remove() -> None:
        async with database.unit_of_work(RequestContext.for_job("prune")) as session:
            await remove_customer(session, item)

    await remove()
    erased = await erase(admin, f"/customers/{item}")

    assert (erased.status_code, erased.json()["keys"]) == (200, 1), erased.text
    assert left(CUSTOMER_WORDS, await dump(database)) == []


async def remove_customer(session: Session, item: str) -> None:
    model = audited_models()["customer"]
    row = await session.load(model, UUID(item), deleted=True)
    assert row is not None
    session.remove(row)


async def test_a_person_is_not_erased_by_the_endpoint_of_another_module(database: Database, admin: Person) -> None:
    item = await plant_customer(admin)
    await admin.put(f"/customers/{item}/legal-hold", {"reason": "a lawsuit"})

    wrong = [
        await erase(admin, f"/users/{item}"),
        await admin.get(f"/users/{item}/personal-data"),
        await admin.put(f"/users/{item}/legal-hold", {"reason": "another"}),
    ]

    assert [answer.status_code for answer in wrong] == [404, 404, 404]
    assert left(CUSTOMER_WORDS, await dump(database)) == CUSTOMER_WORDS


def test_every_personal_column_can_be_emptied() -> None:
    import_models()
    for model in audited_models().values():
        for column in PersonTable(model, table_of(model).c.id).personal_columns:
            value = neutral_value(model, column, uuid4())
            assert value is not None or column.nullable
            assert not isinstance(value, str) or len(value) <= column.type.length  # type: ignore[attr-defined]  # that of a text
