"""Changing one's own password."""

import httpx

from tests.answers import refusals
from tests.modules.auth.calls import sign_in, sign_in_again
from tests.people import PASSWORD, Person, SignedInAs

NEW = "another quiet river of words"


async def change(person: Person, current: str = PASSWORD, new: str = NEW) -> httpx.Response:
    return await person.post("/auth/me/password", {"current_password": current, "new_password": new})


async def test_a_changed_password_ends_other_sessions(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    first = await signed_in_as()
    second = await sign_in_again(client, first)

    assert (await change(second)).status_code == 204

    assert [(await person.get("/auth/me")).status_code for person in (first, second)] == [401, 200]
    assert [(await sign_in(client, first, word)).status_code for word in (PASSWORD, NEW)] == [401, 200]


async def test_the_current_password_is_needed_and_guesses_are_counted(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as()

    guesses = {f"guess {number}": await change(person, "wrong") for number in range(1, 7)}

    assert refusals(guesses) == {
        **dict.fromkeys(guesses, (403, "wrong-password")),
        "guess 6": (429, "too-many-attempts"),
    }
    assert (await person.get("/auth/me")).status_code == 200


async def test_a_changed_password_follows_the_password_policy(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as()

    weak = [await change(person, new=word) for word in ("short", "passwordpassword", f"{person.username} is me")]
    same = await change(person, new=PASSWORD)

    pointers = {(a.status_code, a.json()["errors"][0]["pointer"]) for a in [*weak, same]}
    assert pointers == {(422, "/body/new_password")}


async def test_a_reset_password_must_be_changed_first(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    admin, person = await signed_in_as("users:update", "tasks:read"), await signed_in_as("tasks:read")
    made = (await person.post("/auth/api-keys", {"name": "k", "scopes": ["tasks:read"]})).json()
    key = Person(person.id, person.username, client, made["key"], "")

    reset = await admin.post(f"/users/{person.id}/password")

    assert reset.status_code == 200
    assert (await person.get("/auth/me")).status_code == 401
    one_time = reset.json()["password"]
    pair = (await sign_in(client, person, one_time)).json()
    person.access_token = pair["access_token"]
    refused = {"session": await person.get("/tasks"), "key": await key.get("/tasks")}
    assert refusals(refused) == dict.fromkeys(refused, (403, "password-change-required"))
    assert (await person.get("/auth/me")).json()["must_change_password"] is True
    assert (await person.post("/auth/api-keys", {"name": "x", "scopes": ["tasks:read"]})).status_code == 403

    assert (await change(person, one_time)).status_code == 204

    assert (await person.get("/tasks")).status_code == 200
    assert (await sign_in(client, person, one_time)).status_code == 401


async def test_the_same_password_in_other_letters_is_the_same(
    client: httpx.AsyncClient, signed_in_as: SignedInAs
) -> None:
    admin, person = await signed_in_as("users:update"), await signed_in_as()
    word = (await admin.post(f"/users/{person.id}/password")).json()["password"]
    person.access_token = (await sign_in(client, person, word)).json()["access_token"]
    wide = "".join(chr(ord(letter) + 0xFEE0) for letter in word)

    answer = await person.post("/auth/me/password", {"current_password": word, "new_password": wide})

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "password-same")
