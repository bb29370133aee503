"""People sign in by the name that was typed at creation, in any spelling, whatever the locale of the database is."""

import httpx
import pytest

from app.core.db.engine import Database
from tests.modules.auth.calls import sign_in
from tests.own_servers import EVERY_LOCALE
from tests.people import PASSWORD, SignedInAs

pytestmark = pytest.mark.parametrize("backend", EVERY_LOCALE, indirect=True, scope="session")
LONG_PASSWORD = "a long and quiet river"
SPELLINGS: dict[str, list[str]] = {
    "İpek@example.com": ["İpek@example.com", "I\u0307pek@EXAMPLE.com", "i\u0307pek@example.com"],
    "ΣΑΣ@example.com": ["ΣΑΣ@example.com", "σας@example.com", "σασ@example.com "],
    "INGRID@IKEA.example": ["INGRID@IKEA.example", "ingrid@ikea.example", "ｉｎｇｒｉｄ@ikea.example"],
    "ann@münchen.example": ["ann@xn--mnchen-3ya.example", "Ann@MÜNCHEN.example", "ann@mu\u0308nchen.example"],
    "Josu\u0301@example.com": ["Josú@example.com", " josú@example.com\u00a0"],
}


@pytest.mark.parametrize("email", SPELLINGS)
async def test_one_signs_in_by_an_address_as_it_was_typed(
    client: httpx.AsyncClient, signed_in_as: SignedInAs, email: str
) -> None:
    admin = await signed_in_as(superuser=True)
    body = {"username": "IDA.Iris", "email": email, "password": LONG_PASSWORD}
    assert (await admin.post("/users", body)).status_code == 201

    for typed in [email, *SPELLINGS[email], "IDA.Iris", "ida.iris", "ｉｄａ．Iris ", "Ida.IRIS"]:
        answer = await sign_in(client, typed, LONG_PASSWORD)
        assert answer.status_code == 200, (typed, answer.text)
    for typed in SPELLINGS[email]:
        body = {"username": "another", "email": typed, "password": LONG_PASSWORD}
        answer = await admin.post("/users", {**body, "email": typed.strip()})
        assert (answer.status_code, answer.json()["code"]) in ((409, "already-exists"), (422, "invalid-fields")), typed


async def test_the_dotless_i_is_another_letter(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    admin = await signed_in_as(superuser=True)
    for name, email in (("ingrid", "INGRID@example.com"), ("other", "ıngrid@example.com")):
        body = {"username": name, "email": email, "password": LONG_PASSWORD}
        assert (await admin.post("/users", body)).status_code == 201
    taken = await admin.post("/users", {"username": "INGRID", "email": "x@example.com", "password": LONG_PASSWORD})

    assert (taken.status_code, taken.json()["code"]) == (409, "already-exists")
    assert "username" in taken.json()["detail"]
    assert (await sign_in(client, "ıngrid", LONG_PASSWORD)).status_code == 401


async def test_guesses_count_for_a_name_in_all_its_spellings(
    client: httpx.AsyncClient, signed_in_as: SignedInAs, database: Database
) -> None:
    someone = await signed_in_as()
    name, most = someone.username, database.settings.auth.account_failures
    spellings = [name.upper(), f"{name} ", f"\u00a0{name}", name.replace("u", "ｕ", 1)]

    statuses = [
        (await sign_in(client, spellings[turn % len(spellings)], "wrong")).status_code for turn in range(most + 1)
    ]

    assert statuses == [401] * most + [429]


async def test_a_renamed_user_signs_in_by_the_new_name(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    admin, someone = await signed_in_as(superuser=True), await signed_in_as()

    changed = await admin.patch(f"/users/{someone.id}", {"username": "IRIS"})

    assert changed.status_code == 200, changed.text
    assert (await sign_in(client, someone, PASSWORD)).status_code == 401
    assert (await sign_in(client, "iris", PASSWORD)).status_code == 200
