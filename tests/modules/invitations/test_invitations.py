"""Invitations: one-time links by which people set a password that no administrator knows."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.core.config import AuthSettings
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.modules import prune_rules
from app.modules.invitations.models import Invitation
from app.modules.invitations.repository import InvitationRepository
from tests.answers import refusals, statuses
from tests.modules.auth.calls import sign_in
from tests.modules.users.factory import body
from tests.people import PASSWORD, Person, SignedInAs

NEW = "another quiet river of words"
BAD = (401, "bad-invitation")


async def invite(admin: Person, user_id: object) -> str:
    answer = await admin.post(f"/users/{user_id}/invitation")
    assert answer.status_code == 201, answer.text
    token: str = answer.json()["token"]
    return token


async def accept(client: httpx.AsyncClient, token: str, password: str = NEW) -> httpx.Response:
    return await client.post("/auth/invitation", json={"token": token, "new_password": password})


@pytest.fixture
async def admin(signed_in_as: SignedInAs) -> Person:
    return await signed_in_as("users:create", "users:update", "users:delete")


async def test_a_user_without_a_password_is_invited(client: httpx.AsyncClient, admin: Person) -> None:
    wanted = body()
    del wanted["password"]
    made = (await admin.post("/users", wanted)).json()
    before = await sign_in(client, wanted["username"], NEW)

    token = await invite(admin, made["id"])
    accepted = await accept(client, token)

    assert (before.status_code, accepted.status_code) == (401, 204)
    assert (made["must_change_password"], accepted.content) == (False, b"")
    pair = (await sign_in(client, wanted["username"], NEW)).json()
    person = Person(made["id"], made["username"], client, pair["access_token"], "")
    assert (await person.get("/auth/me")).json()["must_change_password"] is False
    assert (await person.get("/auth/me/sessions")).status_code == 200, "nobody else knows this password"
    assert refusals({"again": await accept(client, token)}) == {"again": BAD}


async def test_of_many_uses_at_once_one_sets_its_password(
    client: httpx.AsyncClient, admin: Person, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as()
    token = await invite(admin, person.id)
    words = [f"{NEW} {number}" for number in range(4)]

    answers = await asyncio.gather(*(accept(client, token, word) for word in words))

    assert Counter(answer.status_code for answer in answers) == {204: 1, 401: 3}
    won = next(word for word, answer in zip(words, answers, strict=True) if answer.status_code == 204)
    assert (await sign_in(client, person, won)).status_code == 200
    assert (await sign_in(client, person)).status_code == 401
    assert (await person.get("/auth/me")).status_code == 401, "the sessions from before are over"


async def deactivate(admin: Person, path: str) -> None:
    await admin.patch(path, {"is_active": False})
    await admin.patch(path, {"is_active": True})


async def delete(admin: Person, path: str) -> None:
    await admin.delete(path)
    await admin.post(f"{path}/restore")


async def invite_again(admin: Person, path: str) -> None:
    await admin.post(f"{path}/invitation")


async def reset(admin: Person, path: str) -> None:
    await admin.post(f"{path}/password")


async def withdraw(admin: Person, path: str) -> None:
    assert (await admin.delete(f"{path}/invitation")).status_code == 204


@pytest.mark.parametrize("end", [deactivate, delete, invite_again, reset, withdraw])
async def test_what_ends_an_invitation(
    client: httpx.AsyncClient, admin: Person, signed_in_as: SignedInAs, end: Callable[[Person, str], Any]
) -> None:
    person = await signed_in_as()
    token = await invite(admin, person.id)

    await end(admin, f"/users/{person.id}")

    assert refusals({"late": await accept(client, token)}) == {"late": BAD}


async def test_a_superuser_without_a_password_cannot_be_the_last(
    client: httpx.AsyncClient, signed_in_as: SignedInAs
) -> None:
    root, wanted = await signed_in_as(superuser=True), {**body(), "is_superuser": True}
    del wanted["password"]
    heir = (await root.post("/users", wanted)).json()["id"]
    token = await invite(root, heir)

    early = await root.patch(f"/users/{root.id}", {"is_superuser": False})
    await accept(client, token)
    late = await root.patch(f"/users/{root.id}", {"is_superuser": False})

    assert refusals({"early": early}) == {"early": (409, "last-superuser")}
    assert late.status_code == 200


async def test_erasing_a_person_ends_the_invitation(
    client: httpx.AsyncClient, database: Database, job: RequestContext, signed_in_as: SignedInAs
) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as()
    token = await invite(root, person.id)
    await root.delete(f"/users/{person.id}")

    erased = await root.post(f"/users/{person.id}/erase", headers={"Audit-Reason": "Asked for it"})

    assert erased.is_success, erased.text
    assert refusals({"late": await accept(client, token)}) == {"late": BAD}
    async with database.unit_of_work(job) as session:
        assert await InvitationRepository(session).load_of(person.id) is None


async def test_the_owners_own_password_ends_an_invitation(
    client: httpx.AsyncClient, admin: Person, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as()
    token = await invite(admin, person.id)

    change = {"current_password": PASSWORD, "new_password": "a fourth quiet river"}
    assert (await person.post("/auth/me/password", change)).status_code == 204

    assert refusals({"late": await accept(client, token)}) == {"late": BAD}
    assert (await admin.get(f"/users/{person.id}/invitation")).json()["is_open"] is False


async def test_an_invitation_expires_and_is_pruned(
    client: httpx.AsyncClient,
    app: FastAPI,
    admin: Person,
    signed_in_as: SignedInAs,
    job: RequestContext,
    step_clock: Callable[[timedelta], None],
) -> None:
    person, database = await signed_in_as(), app.state.database
    token = await invite(admin, person.id)

    step_clock(timedelta(seconds=AuthSettings().invitation_ttl + 1))
    assert refusals({"late": await accept(client, token)}) == {"late": BAD}

    (rule,) = [rule for rule in prune_rules(app.state.settings) if rule.table == Invitation.__tablename__]
    assert await prune(database, job, rule.remove) == 0
    step_clock(timedelta(seconds=AuthSettings().invitation_ttl, days=app.state.settings.retention.session_days + 1))
    assert await prune(database, job, rule.remove) == 1
    assert await InvitationRepository(database.read_session(job)).of_user(person.id) is None


async def prune(database: Database, job: RequestContext, remove: Callable[..., Any]) -> int:
    async with database.unit_of_work(job) as session:
        removed: int = await remove(session, 10)
        return removed


async def test_a_caller_who_holds_less_invites_none(signed_in_as: SignedInAs) -> None:
    admin, auditor = await signed_in_as("users:update"), await signed_in_as("audit:read")
    root, robot_maker = await signed_in_as(superuser=True), await signed_in_as(superuser=True)
    robot = {"username": "robot", "email": "robot@example.com", "is_service": True}
    robot_id = (await robot_maker.post("/users", robot)).json()["id"]
    asleep = await signed_in_as()
    await root.patch(f"/users/{asleep.id}", {"is_active": False})

    answers = {
        "one who holds more": await admin.post(f"/users/{auditor.id}/invitation"),
        "a superuser": await admin.post(f"/users/{root.id}/invitation"),
        "withdraw": await admin.delete(f"/users/{root.id}/invitation"),
        "oneself": await root.post(f"/users/{root.id}/invitation"),
        "a service account": await root.post(f"/users/{robot_id}/invitation"),
        "an inactive user": await root.post(f"/users/{asleep.id}/invitation"),
        "a stranger": await auditor.post(f"/users/{admin.id}/invitation"),
    }

    assert refusals(answers) == {
        "one who holds more": (403, "target-has-more-permissions"),
        "a superuser": (403, "target-has-more-permissions"),
        "withdraw": (403, "target-has-more-permissions"),
        "oneself": (403, "permission-denied"),
        "a service account": (409, "service-account"),
        "an inactive user": (409, "user-inactive"),
        "a stranger": (403, "permission-denied"),
    }


async def test_the_answer_tells_nothing_of_unknown_tokens_and_guesses_are_counted(
    client: httpx.AsyncClient, admin: Person, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as()
    used = await invite(admin, person.id)
    assert (await accept(client, used)).status_code == 204

    answers = [await accept(client, token) for token in (used, "iv_unknown", "ÿ", "x" * 200)]
    shown = [{**answer.json(), "request_id": ""} for answer in answers]
    most = AuthSettings().address_failures
    guesses = [await accept(client, f"iv_{number}") for number in range(most - len(answers) + 1)]

    assert [answer.status_code for answer in answers] == [401] * 4
    assert all(body == shown[0] for body in shown)
    assert (guesses[-1].status_code, guesses[-1].json()["code"]) == (429, "too-many-attempts")


async def test_a_weak_password_leaves_the_invitation_open(
    client: httpx.AsyncClient, admin: Person, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as()
    token = await invite(admin, person.id)

    weak = [await accept(client, token, word) for word in ("short", "passwordpassword", f"{person.username} is me")]

    assert {(a.status_code, a.json()["errors"][0]["pointer"]) for a in weak} == {(422, "/body/new_password")}
    assert (await admin.get(f"/users/{person.id}/invitation")).json()["is_open"] is True
    assert (await accept(client, token)).status_code == 204


async def test_an_invitation_is_audited_without_its_token(
    client: httpx.AsyncClient, admin: Person, signed_in_as: SignedInAs
) -> None:
    person, auditor = await signed_in_as(), await signed_in_as(superuser=True)
    token = await invite(admin, person.id)
    keyed = await admin.post(f"/users/{person.id}/invitation", headers={"Idempotency-Key": "one"})
    await accept(client, token)

    changes = (await auditor.get("/audit/changes", params={"entity": "invitation"})).json()["items"]
    texts = [(await auditor.get(path)).text for path in ("/audit/changes", "/audit/access", "/auth/logins")]

    assert (keyed.status_code, keyed.json()["code"]) == (400, "bad-idempotency-key")
    by = [(entry["action"], entry["actor_name"]) for entry in changes]
    assert by == [("update", person.username), ("create", admin.username)]
    assert set(changes[1]["changes"]["token_hash"]["new"]) == {"$secret"}
    assert all(token not in text and token[3:] not in text for text in texts)


async def test_a_link_leads_to_the_page_of_the_installation(
    app: FastAPI, admin: Person, signed_in_as: SignedInAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, page = await signed_in_as(), "https://desk.example.com/welcome"
    without = (await admin.post(f"/users/{person.id}/invitation")).json()
    options = app.state.settings.auth.model_copy(update={"invitation_page": page})
    monkeypatch.setattr(app.state, "settings", app.state.settings.model_copy(update={"auth": options}))

    shown = (await admin.post(f"/users/{person.id}/invitation")).json()

    assert (without["link"], shown["link"]) == (None, f"{page}#token={shown['token']}")
    read = await admin.get(f"/users/{person.id}/invitation")
    assert read.json().keys() == shown.keys() - {"token", "link", "is_mailed"}
    assert statuses({"none": await admin.get(f"/users/{admin.id}/invitation")}) == {"none": 404}
