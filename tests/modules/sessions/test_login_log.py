"""The login log."""

import httpx

from tests.modules.auth.calls import sign_in
from tests.people import SignedInAs


async def test_the_login_log_has_every_attempt_and_no_unknown_name(
    client: httpx.AsyncClient, signed_in_as: SignedInAs
) -> None:
    person, admin = await signed_in_as(), await signed_in_as("users:read")
    await sign_in(client, person, "wrong password indeed")
    await sign_in(client, person)
    await client.post("/auth/token", data={"username": "hunter2-secret", "password": "also secret"})

    mine = (await person.get("/auth/me/logins")).json()["items"]
    assert [(row["is_successful"], row["reason"]) for row in mine[:2]] == [(True, None), (False, "wrong-password")]
    assert mine[0]["session_id"] is not None

    page = await admin.get("/auth/logins", params={"reason": "unknown"})
    (row,) = page.json()["items"]
    assert (row["user_id"], row["ip"]) == (None, "192.0.2.7")
    assert "hunter2" not in page.text
    of_person = {"user_id": str(person.id), "is_successful": "false"}
    assert len((await admin.get("/auth/logins", params=of_person)).json()["items"]) == 1
    assert (await person.get("/auth/logins")).status_code == 403
