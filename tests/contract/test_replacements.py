"""What a GET answers, a PUT of the same address takes, and then nothing changes."""

from collections.abc import Awaitable, Callable

import pytest

from app.main import app as served
from tests.modules.products import factory as products
from tests.modules.roles.policies import role
from tests.people import Person, SignedInAs

API = "/api/v1"


async def roles_of_a_user(root: Person, other: Person) -> str:
    terms = {"valid_until": "2040-01-01T00:00:00Z", "reason": "Stocktaking"}
    first, second = await role(root, "First"), await role(root, "Second", {"module_slug": "tasks"})
    given = [{"role_id": first}, {"role_id": second, **terms}]
    await root.put(f"/users/{other.id}/roles", {"assignments": given})
    return f"/users/{other.id}/roles"


async def grants_of_a_role(root: Person, _other: Person) -> str:
    made = await role(root, "Mixed", {"module_slug": "tasks", "can_update": True})
    grants = [{"module_slug": "tasks"}, {"module_slug": "products", "actions": ["move-stock"]}]
    await root.put(f"/roles/{made}/modules", {"modules": grants})
    return f"/roles/{made}/modules"


async def tags_of_a_product(root: Person, _other: Person) -> str:
    product = (await root.post("/products", products.body())).json()["id"]
    tags = [(await root.post("/tags", {"name": name})).json()["id"] for name in ("Oak", "Brass")]
    await root.put(f"/products/{product}/tags", {"tag_ids": tags})
    return f"/products/{product}/tags"


Make = Callable[[Person, Person], Awaitable[str]]
PAIRS: dict[str, Make] = {
    "/products/{id}/tags": tags_of_a_product,
    "/roles/{id}/modules": grants_of_a_role,
    "/users/{id}/roles": roles_of_a_user,
}
"""By path: makes something that has it, and returns its address."""


def test_every_pair_is_tested() -> None:
    paths = served.openapi()["paths"]

    pairs = {path.removeprefix(API) for path, item in paths.items() if {"get", "put"} <= item.keys()}

    assert pairs == set(PAIRS)


@pytest.mark.parametrize("make", PAIRS.values(), ids=PAIRS.keys())
async def test_what_was_read_can_be_sent_back(signed_in_as: SignedInAs, make: Make) -> None:
    root, other = await signed_in_as(superuser=True), await signed_in_as()
    path = await make(root, other)
    read = await root.get(path)

    sent = await root.put(path, read.json(), headers={"X-Request-ID": "sent-back"})

    assert sent.status_code == 200, sent.text
    assert (await root.get(path)).json() == read.json()
    changes = (await root.get("/audit/changes", params={"request_id": "sent-back"})).json()
    assert changes["items"] == []
