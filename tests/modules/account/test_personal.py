"""Items of one user are not found by other users, superusers included."""

import httpx
from fastapi.routing import iter_route_contexts

from app.main import API, create_app
from tests.people import SignedInAs

PERSONAL = {"DELETE /auth/me/sessions/{id}", "DELETE /auth/api-keys/{id}", "GET /auth/me/menu/{role_id}"}


def test_every_personal_item_is_known() -> None:
    """A new personal address must be added to the test below."""
    found = {
        f"{method} {str(route.path_format).removeprefix(API)}"
        for route in iter_route_contexts(create_app().routes)
        for method in route.methods or ()
        if str(route.path_format).startswith(f"{API}/auth/") and "{" in str(route.path_format)
    }

    assert found == PERSONAL


async def test_personal_items_are_not_found_by_others(signed_in_as: SignedInAs, client: httpx.AsyncClient) -> None:
    owner, root = await signed_in_as("tasks:read"), await signed_in_as(superuser=True)
    session = (await owner.get("/auth/me/sessions")).json()["items"][0]["id"]
    role = (await owner.get("/auth/me/roles")).json()["assignments"][0]["role_id"]
    key = (await owner.post("/auth/api-keys", {"name": "mine", "scopes": ["tasks:read"]})).json()["id"]

    for other in (await signed_in_as("tasks:read"), root):
        for line in PERSONAL:
            method, path = line.split()
            answer = await other.call(method, path.format(id=key if "keys" in path else session, role_id=role))
            assert (answer.status_code, answer.json()["code"]) == (404, "not-found"), line

    assert (await owner.get(f"/auth/me/menu/{role}")).status_code == 200
    assert (await owner.delete(f"/auth/api-keys/{key}")).status_code == 204
    assert (await owner.delete(f"/auth/me/sessions/{session}")).status_code == 204
