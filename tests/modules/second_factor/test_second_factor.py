"""Second factors: enrolling, signing in, stepping up, and removing one."""

from collections.abc import Callable

import httpx
import pyotp
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from app.core.config import AuthSettings
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.main import create_app
from app.modules.auth.models import SignInCounter
from tests.answers import refusals
from tests.modules.audit.sealer.sealed import read_all
from tests.modules.auth.calls import sign_in
from tests.modules.roles.policies import role
from tests.modules.second_factor.devices import enrolled
from tests.people import PASSWORD, SignedInAs, person


async def test_a_confirmed_factor_is_needed_to_sign_in(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    someone = await signed_in_as()
    device, _ = await enrolled(someone)
    code = device()

    without = await sign_in(client, someone)
    wrong = await sign_in(client, someone, code="000000")
    right = await sign_in(client, someone, code=code)
    twice = await sign_in(client, someone, code=code)

    assert [(a.status_code, a.json().get("code")) for a in (without, wrong, right, twice)] == [
        (401, "second-factor-needed"),
        (401, "bad-credentials"),
        (200, None),
        (401, "bad-credentials"),
    ]


async def test_a_wrong_password_does_not_tell_of_the_factor(
    client: httpx.AsyncClient, signed_in_as: SignedInAs
) -> None:
    someone = await signed_in_as()
    await enrolled(someone)

    answer = await sign_in(client, someone, password="wrong")

    assert (answer.status_code, answer.json()["code"]) == (401, "bad-credentials")


async def test_enrolling_takes_the_password_and_shows_a_uri(signed_in_as: SignedInAs) -> None:
    someone = await signed_in_as()

    wrong = await someone.post("/auth/me/second-factor", {"current_password": "wrong"})
    begun = (await someone.post("/auth/me/second-factor", {"current_password": PASSWORD})).json()

    assert (wrong.status_code, wrong.json()["code"]) == (403, "wrong-password")
    parsed = pyotp.parse_uri(begun["provisioning_uri"])
    assert (parsed.secret, parsed.name, parsed.issuer) == (begun["secret"], someone.username, "Attest")
    assert (await someone.get("/auth/me/second-factor")).json()["enrolled"] is False
    nonsense = await someone.post("/auth/me/second-factor/confirm", {"code": "no code é"})
    assert (nonsense.status_code, nonsense.json()["code"]) == (403, "wrong-code")


async def test_a_recovery_code_is_good_once(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    someone = await signed_in_as()
    _, recovery = await enrolled(someone)

    statuses = [(await sign_in(client, someone, code=recovery[0].upper())).status_code for _ in range(2)]

    assert statuses == [200, 401]
    state = (await someone.get("/auth/me/second-factor")).json()
    assert (state["enrolled"], state["recovery_codes_left"], len(set(recovery))) == (True, 9, 10)


SHOWN = {
    "blanks": lambda code: f" {code[:3]} {code[3:]} ",
    "no-break spaces": lambda code: "\u00a0".join(code[at : at + 3] for at in range(0, len(code), 3)),
    "hyphens": lambda code: "-".join(code[at : at + 4] for at in range(0, len(code), 4)),
    "other hyphens": lambda code: "\u2011".join(code[at : at + 2] for at in range(0, len(code), 2)),
    "full width": lambda code: "".join(chr(ord(each) + 0xFEE0) for each in code),
    "Arabic digits": lambda code: code.translate({ord("0") + digit: 0x660 + digit for digit in range(10)}),
}


@pytest.mark.parametrize("shown", SHOWN.values(), ids=list(SHOWN))
async def test_a_code_is_taken_as_apps_show_it(
    client: httpx.AsyncClient, signed_in_as: SignedInAs, database: Database, shown: Callable[[str], str]
) -> None:
    someone = await signed_in_as()
    device, recovery = await enrolled(someone)

    for code in (device(), recovery[0], recovery[1].upper()):
        answer = await sign_in(client, someone, code=shown(code))
        assert answer.status_code == 200, answer.text
    stepped = await someone.post("/auth/step-up", {"code": shown(recovery[2])})

    assert stepped.status_code == 204, stepped.text
    counters = await read_all(database, select(table_of(SignInCounter).c.failures))
    assert {counter.failures for counter in counters} <= {0}, "no guess was counted"


async def test_policy_writes_require_step_up(signed_in_as: SignedInAs, database: Database) -> None:
    """An enrolled user shows the factor again before changing permissions or administering an account."""
    root, other = await signed_in_as(superuser=True), await signed_in_as()
    role = (await root.post("/roles", {"name": "Any"})).json()["id"]
    await enrolled(root)
    path, body = f"/roles/{role}/modules", {"modules": [{"module_slug": "tasks"}]}
    assert (await root.put(path, body)).status_code == 200, "confirming the factor counts as showing it"

    at_once = database.settings.auth.model_copy(update={"step_up_ttl": 0})
    second = create_app(database.settings.model_copy(update={"auth": at_once}))
    async with second.router.lifespan_context(second):
        transport = httpx.ASGITransport(second, raise_app_exceptions=False)
        root.client = httpx.AsyncClient(transport=transport, base_url="http://attest.test/api/v1")
        refused = {
            "edit a role": await root.put(path, {"modules": []}),
            "preview an edit": await root.put(path, {"modules": []}, params={"dry_run": "true"}),
            "reset a password": await root.post(f"/users/{other.id}/password"),
            "make a key": await root.post("/auth/api-keys", {"name": "x", "scopes": ["tasks:read"]}),
            "remove the factor": await root.delete("/auth/me/second-factor"),
        }

    assert refusals(refused) == dict.fromkeys(refused, (401, "insufficient-user-authentication"))
    for call, answer in refused.items():
        assert "insufficient_user_authentication" in answer.headers["www-authenticate"], call
    assert (await other.get("/auth/me")).status_code == 200


async def test_who_may_not_is_refused_before_the_second_factor_is_asked_for(
    signed_in_as: SignedInAs, database: Database
) -> None:
    """Regression: the factor was asked for first, and a superuser without one was told to others."""
    root, other = await signed_in_as(superuser=True), await signed_in_as(superuser=True)
    admin = await signed_in_as("users:update", "users:delete", "roles:update", "users:create")
    strong = await role(root, "Strong", {"module_slug": "audit"})
    key = (await root.post("/auth/api-keys", {"name": "x", "scopes": ["tasks:read"]})).json()["id"]
    await root.delete(f"/auth/api-keys/{key}")
    await enrolled(other)
    await enrolled(admin)

    at_once = database.settings.auth.model_copy(update={"step_up_ttl": 0})
    second = create_app(database.settings.model_copy(update={"auth": at_once}))
    async with second.router.lifespan_context(second):
        transport = httpx.ASGITransport(second, raise_app_exceptions=False)
        admin.client = httpx.AsyncClient(transport=transport, base_url="http://attest.test/api/v1")
        above = {
            "remove a factor that is not there": await admin.delete(f"/users/{root.id}/second-factor"),
            "remove a factor": await admin.delete(f"/users/{other.id}/second-factor"),
            "reset a password": await admin.post(f"/users/{root.id}/password"),
            "end sessions": await admin.delete(f"/users/{root.id}/sessions"),
            "unlock": await admin.post(f"/users/{root.id}/unlock"),
            "make a key": await admin.post(f"/users/{root.id}/api-keys", {"name": "x", "scopes": ["users:read"]}),
            "make a key beyond": await admin.post(
                f"/users/{root.id}/api-keys", {"name": "x", "scopes": ["tasks:read"]}
            ),
            "revoke a key again": await admin.delete(f"/users/{root.id}/api-keys/{key}"),
            "revoke a key that is not there": await admin.delete(f"/users/{root.id}/api-keys/{root.id}"),
            "rename": await admin.patch(f"/users/{root.id}", {"first_name": "x"}),
            "delete": await admin.delete(f"/users/{root.id}"),
        }
        beyond = {
            "grant": await admin.put(f"/roles/{strong}/modules", {"modules": [{"module_slug": "tasks"}]}),
            "crown": await admin.patch(f"/users/{admin.id}", {"is_superuser": True}),
            "key": await admin.post("/auth/api-keys", {"name": "x", "scopes": ["tasks:read"]}),
        }

    assert refusals(above) == dict.fromkeys(above, (403, "target-has-more-permissions"))
    assert refusals(beyond) == dict.fromkeys(beyond, (403, "cannot-grant"))


async def test_stepping_up(signed_in_as: SignedInAs, client: httpx.AsyncClient) -> None:
    root = await signed_in_as(superuser=True)
    device, _ = await enrolled(root)
    sessions = (await root.get("/auth/me/sessions")).json()["items"]
    code = device()

    wrong = await root.post("/auth/step-up", {"code": "000000"})
    right = await root.post("/auth/step-up", {"code": code})
    twice = await root.post("/auth/step-up", {"code": code})

    assert [a.status_code for a in (wrong, right, twice)] == [403, 204, 403]
    later = (await root.get("/auth/me/sessions")).json()["items"]
    assert later[0]["second_factor_at"] > sessions[0]["second_factor_at"]


async def test_a_factor_is_removed_by_its_owner_or_an_administrator(
    client: httpx.AsyncClient, signed_in_as: SignedInAs
) -> None:
    someone, admin = await signed_in_as(), await signed_in_as("users:update")
    await enrolled(someone)

    assert (await someone.delete("/auth/me/second-factor")).status_code == 204
    assert (await sign_in(client, someone)).status_code == 200
    await enrolled(someone)
    assert (await admin.delete(f"/users/{someone.id}/second-factor")).status_code == 204
    assert (await sign_in(client, someone)).status_code == 200
    assert (await admin.delete(f"/users/{someone.id}/second-factor")).status_code == 409


async def test_new_recovery_codes_end_the_old_ones(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    someone = await signed_in_as()
    _, old = await enrolled(someone)

    new = (await someone.post("/auth/me/second-factor/recovery-codes")).json()["recovery_codes"]

    assert not set(old) & set(new)
    assert (await sign_in(client, someone, code=old[0])).status_code == 401
    assert (await sign_in(client, someone, code=new[0])).status_code == 200


async def test_superusers_can_be_made_to_enrol(app: FastAPI, database: Database) -> None:
    """With the setting, a superuser without a factor can only enrol."""
    required = AuthSettings(superusers_need_second_factor=True)
    strict = create_app(database.settings.model_copy(update={"auth": required}))
    async with strict.router.lifespan_context(strict):
        transport = httpx.ASGITransport(strict, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://attest.test/api/v1") as client:
            root = await person(strict, client, superuser=True)
            before = {path: await root.get(path) for path in ("/users", "/auth/me/sessions")}
            await enrolled(root)
            after = await root.get("/users")

    assert refusals(before) == dict.fromkeys(before, (403, "second-factor-required"))
    assert after.status_code == 200


@pytest.mark.timeout(60)
async def test_codes_are_guessed_no_faster_than_passwords(signed_in_as: SignedInAs) -> None:
    someone = await signed_in_as()
    await enrolled(someone)

    for number in range(1, 8):
        guess = await someone.post("/auth/step-up", {"code": f"{number:06}"})
        assert guess.status_code == (403 if number <= 5 else 429), f"guess {number}"


async def test_a_reset_leaves_the_second_factor_in_force(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    someone, admin = await signed_in_as(), await signed_in_as("users:update")
    device, _ = await enrolled(someone)
    word = (await admin.post(f"/users/{someone.id}/password")).json()["password"]

    without = await sign_in(client, someone, password=word)
    with_code = await sign_in(client, someone, password=word, code=device())

    assert (without.status_code, without.json()["code"]) == (401, "second-factor-needed")
    assert with_code.status_code == 200


async def test_a_removed_factor_is_not_confirmed(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as()
    await enrolled(person)
    await person.delete("/auth/me/second-factor")

    answer = await person.post("/auth/me/second-factor/confirm", {"code": "000000"})

    assert (answer.status_code, answer.json()["code"]) == (409, "not-enrolled")


async def test_a_right_password_resets_no_failed_codes(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as()
    await enrolled(person)

    for number in range(1, 8):
        guess = await person.post("/auth/step-up", {"code": f"{number:06}"})
        await person.post("/auth/me/second-factor", {"current_password": PASSWORD})
        assert guess.status_code == (403 if number <= 5 else 429), f"guess {number}"


async def test_new_recovery_codes_are_for_the_enrolled(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as()

    answer = await person.post("/auth/me/second-factor/recovery-codes")

    assert (answer.status_code, answer.json()["code"]) == (409, "not-enrolled")
