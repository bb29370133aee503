"""Changing one's own account."""

from tests.people import PASSWORD, SignedInAs


async def test_everybody_changes_their_own_names_and_nothing_else(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as()

    email = {"first_name": "Nora", "email": "nora@example.com"}
    bare = await person.patch("/auth/me", email)
    guessed = await person.patch("/auth/me", {**email, "current_password": "wrong"})
    assert [(a.status_code, a.json()["code"]) for a in (bare, guessed)] == [
        (422, "invalid-fields"),
        (403, "wrong-password"),
    ]
    changed = await person.patch("/auth/me", {**email, "current_password": PASSWORD})
    refused = [await person.patch("/auth/me", {name: True}) for name in ("is_superuser", "is_active")]
    stale = await person.patch("/auth/me", {"last_name": "x"}, headers={"If-Match": '"1"'})

    assert (changed.status_code, changed.json()["first_name"]) == (200, "Nora")
    assert [answer.status_code for answer in refused] == [422, 422]
    assert stale.status_code == 412
