"""Products of the brands that the caller created: a scope by what rows refer to."""

import pytest

from app.modules.products.models import OF_OWN_BRANDS
from tests.answers import statuses
from tests.modules.brands import factory as brands
from tests.modules.products.factory import body, body_in_scope
from tests.people import Person, SignedInAs

NOWHERE = "01890000-0000-7000-8000-000000000000"
ACTIONS = ("create", "update", "delete", "set-price", "move-stock")


@pytest.fixture
async def root(signed_in_as: SignedInAs) -> Person:
    return await signed_in_as(superuser=True)


@pytest.fixture
async def keeper(signed_in_as: SignedInAs) -> Person:
    """A caller who keeps the products of the brands that the caller created."""
    own = (f"products:{action}@{OF_OWN_BRANDS.name}" for action in ACTIONS)
    return await signed_in_as(*own, "brands:create", "brands:delete")


async def test_products_are_created_with_own_brands_only(root: Person, keeper: Person) -> None:
    mine, foreign = await body_in_scope(keeper), await body_in_scope(root)

    created = {
        "own": await keeper.post("/products", mine),
        "of another": await keeper.post("/products", foreign),
        "of none": await keeper.post("/products", body()),
        "of nothing": await keeper.post("/products", {**body(), "brand_id": NOWHERE}),
        "bulk": await keeper.post("/products/bulk", {"create": [{**body(), "brand_id": foreign["brand_id"]}]}),
    }

    refused = dict.fromkeys(("of another", "of none", "of nothing", "bulk"), 403)
    assert statuses(created) == {"own": 201, **refused}
    assert (await root.get("/products", params={"total": "true"})).json()["total"] == 1


async def test_a_product_follows_its_brand(root: Person, keeper: Person) -> None:
    """Into the scope and out of it, whoever changes it."""
    brand = (await keeper.post("/brands", brands.body())).json()["id"]
    product = (await root.post("/products", body())).json()["id"]
    path = f"/products/{product}"
    statuses = [(await keeper.get(path)).status_code]

    for person, value in ((root, brand), (keeper, None)):
        changed = await person.patch(path, {"brand_id": value})
        assert (changed.status_code, changed.json()["brand_id"]) == (200, value)
        statuses.append((await keeper.get(path)).status_code)

    assert statuses == [404, 200, 404]
