"""Administrators do not administer their own account, neither with a session nor with an API key."""

from tests.answers import statuses
from tests.modules.second_factor.devices import enrolled
from tests.people import Person, SignedInAs


async def test_ones_own_account_is_not_administered(signed_in_as: SignedInAs) -> None:
    """Regression: a stolen session of an administrator could remove the factor and reset the password."""
    admin = await signed_in_as("users:update")
    await enrolled(admin)
    own = f"/users/{str(admin.id).upper()}"

    answers = {
        "remove the factor": await admin.delete(f"{own}/second-factor"),
        "reset the password": await admin.post(f"{own}/password"),
        "unlock": await admin.post(f"{own}/unlock"),
        "make a key": await admin.post(f"{own}/api-keys", {"name": "x", "scopes": ["users:update"]}),
        "end the sessions": await admin.delete(f"{own}/sessions"),
    }

    assert statuses(answers) == dict.fromkeys(answers, 403)
    assert (await admin.get("/auth/me/second-factor")).json()["enrolled"] is True


async def test_ones_own_account_in_any_spelling_is_not_administered(signed_in_as: SignedInAs) -> None:
    """Regression: ids were compared as text, and an id has several spellings."""
    admin = await signed_in_as("users:update")
    spellings = {
        str(admin.id): 403,
        admin.id.hex: 403,
        str(admin.id).upper(): 403,
        f"{{{admin.id}}}": 404,
        f"urn:uuid:{admin.id}": 404,
    }

    answers = {spelling: await admin.post(f"/users/{spelling}/password") for spelling in spellings}

    assert statuses(answers) == spellings
    assert (await admin.post("/users/nonsense/password")).status_code == 404
    own = await admin.patch(f"/users/{admin.id}", {"email": "mine@example.com"})
    assert (own.status_code, "auth/me" in own.json()["detail"]) == (403, True)


async def test_a_key_cannot_administer_its_owner(signed_in_as: SignedInAs) -> None:
    root = await signed_in_as(superuser=True)
    shown = (await root.post("/auth/api-keys", {"name": "narrow", "scopes": ["users:update"]})).json()
    key = Person(root.id, root.username, root.client, shown["key"], "")
    own = f"/users/{root.id}"

    answers = {
        "make a key": await key.post(f"{own}/api-keys", {"name": "x", "scopes": ["tasks:read"]}),
        "reset the password": await key.post(f"{own}/password"),
        "change the e-mail": await key.patch(own, {"email": "mine@example.com"}),
        "change the name": await key.patch(own, {"first_name": "Mine"}),
        "end the sessions": await key.delete(f"{own}/sessions"),
    }

    assert statuses(answers) == dict.fromkeys(answers, 403)
    assert (await root.get("/auth/me")).status_code == 200
