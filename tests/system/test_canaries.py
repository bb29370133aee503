"""Fifty kinds of secrets go through every flow; none may appear in the database, the logs or the answers."""

import base64
import logging
import secrets
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import select
from sqlmodel import SQLModel

from app.core.config import InternalSettings, Settings
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from tests.modules.internal.calls import call, signed
from tests.modules.second_factor.devices import codes
from tests.people import PASSWORD, Person, SignedInAs

SERVICE_KEY = "canary of an internal service, rolled yearly"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    keys = InternalSettings(keys={"billing-1": SecretStr(SERVICE_KEY)})
    return settings.model_copy(update={"internal": keys})


class Canaries:
    """Secrets by their kind; each is unique, and long enough not to match by chance."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}
        self.answers: list[str] = []

    def new(self, name: str, text: str | None = None) -> str:
        value = text or f"canary-{secrets.token_hex(10)}"
        assert name not in self.known
        self.known[name] = value
        return value

    def heard503(self, answer: httpx.Response) -> None:
        """Keep the answer of a server that is too busy, which is logged."""
        assert answer.status_code == 503, answer.text
        self.answers.append(answer.text)

    def heard(self, answer: httpx.Response) -> httpx.Response:
        """Keep an answer that may hold no secret. Answers that show a secret once are not kept."""
        assert answer.status_code < 500, answer.text
        self.answers.append(answer.text + str(answer.headers))
        return answer


@pytest.fixture
async def canaries(app: FastAPI, settings: Settings) -> Canaries:
    made = Canaries()
    keys = app.state.database.keys
    made.new("root secret", settings.secret_key.get_secret_value())
    made.new("service key", SERVICE_KEY)
    made.new("signing key", keys.signing_pems[0].splitlines()[1])
    derived = {name: getattr(keys, name) for name in ("cursor", "refresh", "lookup", "second_factor", "secret_digest")}
    for name, key in {**derived, "personal": keys.personal[0].key}.items():
        made.new(f"derived key {name}", key.hex())
        made.new(f"derived key {name} in base64", base64.b64encode(key).decode())
    for name in ("personal_key", "secret_digest_key"):
        made.new(f"file of the {name}", (settings.state_dir / "keys" / name).read_text())
    return made


async def send_anonymously(client: httpx.AsyncClient, c: Canaries) -> None:
    """Send secrets without being signed in, in every wrong place."""
    form = {"username": c.new("password typed as name"), "password": c.new("wrong password")}
    c.heard(await client.post("/auth/token", data=form))
    c.heard(await client.post("/auth/token", data={**form, "client_secret": c.new("client secret"), "scope": "x"}))
    c.heard(await client.post("/auth/token", data={**form, "code": c.new("code of an unknown user")}))
    c.heard(await client.post("/auth/token", data={**form, "unknown": c.new("field value")}))
    c.heard(await client.post("/auth/token", json={"password": c.new("password as json")}))
    c.heard(await client.post("/auth/token/refresh", json={"refresh_token": c.new("made-up refresh token")}))
    c.heard(await client.post("/auth/token/refresh", json={"refresh_token": {"x": c.new("object as token")}}))
    c.heard(await client.post("/auth/token/refresh", content=f'{{"refresh_token": "{c.new("broken json")}'))
    for name in ("password", "token", "access_token", "api_key", "secret", "otp"):
        c.heard(await client.get("/tasks", params={name: c.new(f"query {name}")}))
    for name in ("Authorization", "Cookie", "X-Api-Key", "Proxy-Authorization", "X-Signature"):
        c.heard(await client.get("/auth/me", headers={name: c.new(f"header {name}")}))
    basic = base64.b64encode(f"admin:{c.new('basic password')}".encode()).decode()
    c.heard(await client.get("/auth/me", headers={"Authorization": f"Basic {c.new('basic header', basic)}"}))
    c.heard(await client.get("/auth/me", headers={"Authorization": f"Bearer ak_{c.new('made-up key')}"}))
    c.heard(await client.get(f"/nowhere?token={c.new('query of an unknown path')}"))


async def use_passwords(client: httpx.AsyncClient, root: Person, c: Canaries) -> Person:
    """Create a user who signs in, is reset and changes the password."""
    name, first = f"u{uuid4().hex[:10]}", c.new("first password")
    body = {"username": name, "email": f"{name}@example.com", "password": first}
    user = c.heard(await root.post("/users", body)).json()
    c.heard(await root.post("/users", {**body, "username": f"x{name}", "password": [c.new("list as password")]}))
    c.heard(await root.post("/users", {**body, "username": f"y{name}", "password": c.new("short", "canaryshort")}))
    c.heard(await client.post("/auth/token", data={"username": name, "password": c.new("second wrong password")}))
    invited = await root.post(f"/users/{user['id']}/invitation")
    made_up = {"token": c.new("made-up invitation"), "new_password": c.new("password of a stranger")}
    c.heard(await client.post("/auth/invitation", json=made_up))
    chosen = {"token": c.new("invitation", invited.json()["token"]), "new_password": c.new("invited password")}
    c.heard(await client.post("/auth/invitation", json=chosen))
    c.heard(await client.post("/auth/invitation", json=chosen))
    reset = await root.post(f"/users/{user['id']}/password")
    one_time = c.new("one-time password", reset.json()["password"])
    pair = (await client.post("/auth/token", data={"username": name, "password": one_time})).json()
    person = Person(user["id"], name, client, pair["access_token"], pair["refresh_token"])
    person.access_token = c.new("access token", pair["access_token"])
    new = c.new("new password")
    wrong = {"current_password": c.new("wrong current password"), "new_password": new}
    c.heard(await person.post("/auth/me/password", wrong))
    c.heard(await person.post("/auth/me/password", {"current_password": one_time, "new_password": new}))
    token = c.new("refresh token", pair["refresh_token"])
    second = (await client.post("/auth/token/refresh", json={"refresh_token": token})).json()
    c.new("second refresh token", second["refresh_token"])
    person.access_token = c.new("second access token", second["access_token"])
    c.heard(await person.get("/auth/me"))
    return person


async def use_browser(client: httpx.AsyncClient, person: Person, c: Canaries) -> None:
    """Sign in, refresh and sign out as a page does."""
    page = {"Sec-Fetch-Site": "same-origin", "X-Attest-Browser": "1"}
    form = {"username": person.username, "password": c.known["new password"]}
    opened = await client.post("/auth/browser/token", data=form, headers=page)
    first = c.new("first cookie", opened.headers["set-cookie"].partition(";")[0])
    went_on = await client.post("/auth/browser/refresh", headers={**page, "Cookie": first})
    second = c.new("second cookie", went_on.headers["set-cookie"].partition(";")[0])
    c.heard(await client.post("/auth/browser/logout", headers={**page, "Cookie": second}))
    c.heard(await client.post("/auth/browser/refresh", headers={**page, "Cookie": second}))
    c.heard(await client.post("/auth/browser/refresh", headers={"Cookie": second}))


async def use_factors(client: httpx.AsyncClient, person: Person, c: Canaries) -> None:
    password = c.known["new password"]
    begun = (await person.post("/auth/me/second-factor", {"current_password": password})).json()
    device = codes(c.new("factor secret", begun["secret"]))
    c.new("provisioning uri", begun["provisioning_uri"])
    c.heard(await person.post("/auth/me/second-factor/confirm", {"code": c.new("wrong code")}))
    confirmed = (await person.post("/auth/me/second-factor/confirm", {"code": device()})).json()
    for number, code in enumerate(confirmed["recovery_codes"]):
        c.new(f"recovery code {number}", code)
    data = {"username": person.username, "password": password, "code": confirmed["recovery_codes"][0]}
    pair = (await client.post("/auth/token", data=data)).json()
    c.new("access token by recovery code", pair["access_token"])
    c.heard(await person.post("/auth/step-up", {"code": c.new("wrong step-up code")}))


async def use_machine_credentials(client: httpx.AsyncClient, root: Person, c: Canaries) -> None:
    shown = (await root.post("/auth/api-keys", {"name": "k", "scopes": ["tasks:read"]})).json()
    key = c.new("api key", shown["key"])
    c.new("secret of the key", key.split("_", 2)[2])
    c.heard(await client.get("/tasks", headers={"Authorization": f"Bearer {key}"}))
    c.heard(await client.get("/tasks", headers={"Authorization": f"Bearer {key[:-1]}"}))
    body = f'{{"token": "{key}"}}'.encode()
    headers = signed(body, key=SERVICE_KEY)
    c.new("signature", headers["X-Signature"])
    assert (c.heard(await call(client, body, headers))).status_code == 200
    c.heard(await call(client, body, headers))


async def dump(database: Database) -> str:
    """Every row of every table of the product."""
    reader = database.read_session(RequestContext.for_job("canaries"))
    models = [mapper.class_ for mapper in SQLModel._sa_registry.mappers if mapper.class_.__module__.startswith("app.")]
    rows = [await reader.all(select(table_of(model))) for model in models]
    assert len(rows) >= 20
    return "\n".join(str(tuple(row)) for found in rows for row in found)


async def test_no_canary_is_found_where_no_secret_may_be(
    app: FastAPI,
    client: httpx.AsyncClient,
    canaries: Canaries,
    signed_in_as: SignedInAs,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    root = await signed_in_as(superuser=True)
    canaries.new("a password in use", PASSWORD)
    await send_anonymously(client, canaries)
    person = await use_passwords(client, root, canaries)
    await use_browser(client, person, canaries)
    await use_factors(client, person, canaries)
    await use_machine_credentials(client, root, canaries)
    for path in ("/users", "/audit/changes", "/audit/access", "/auth/logins", "/auth/api-keys", "/rbac/versions"):
        canaries.heard(await root.get(path, params={"limit": 100}))
    await app.state.access_log.flush()
    app.state.password_hasher.free = 0
    canaries.heard503(await client.post("/auth/token", data={"username": "x", "password": canaries.new("unchecked")}))

    captured = capfd.readouterr()
    places = {
        "database": await dump(app.state.database),
        "logs": caplog.text + captured.out + captured.err,
        "answers": "\n".join(canaries.answers),
    }
    found = [
        (name, place) for name, secret in canaries.known.items() for place, text in places.items() if secret in text
    ]

    assert len(canaries.known) >= 50
    assert all(len(places[name]) > 10_000 for name in ("database", "answers")), "an empty place proves nothing"
    assert "unavailable" in places["logs"], "the log holds what was logged"
    assert found == []
