"""Rules of products: money, stock, and the brand and category that they show."""

from collections.abc import Sequence
from typing import Any

import pytest

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.http.file_formats import CSV
from tests.answers import refusals
from tests.modules.products.factory import PATH, body
from tests.people import Person, SignedInAs

WRITES = tuple(f"products:{action}" for action in ("create", "update", "delete", "move-stock", "set-price", "export"))


@pytest.mark.parametrize(
    ("price", "currency", "status"),
    [
        ("19.90", "EUR", 201),
        ("0", "EUR", 201),
        ("99999999999.99", "EUR", 201),
        ("1990", "JPY", 201),
        ("1.234", "KWD", 201),
        ("19.905", "EUR", 422),
        ("19.9", "JPY", 422),
        ("-1", "EUR", 422),
        ("1e3", "EUR", 422),
        ("NaN", "EUR", 422),
        (" 1", "EUR", 422),
        ("100000000000", "EUR", 422),
        (19.90, "EUR", 422),
        (19, "EUR", 422),
        ("1", "XAU", 422),
        ("1", "eur", 422),
        ("１９", "EUR", 422),
        ("1", "ABC", 422),
    ],
)
async def test_money_is_an_exact_string(signed_in_as: SignedInAs, price: Any, currency: str, status: int) -> None:
    person = await signed_in_as(*WRITES)

    answer = await person.post(PATH, {**body(), "price": price, "currency": currency})

    assert answer.status_code == status, answer.text


async def test_money_has_the_decimals_of_its_currency(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as(*WRITES, "audit:read")
    amounts = [("19.9", "EUR", "19.90"), ("5", "JPY", "5"), ("0.1", "KWD", "0.100"), ("99999999999.99", "USD", None)]
    for price, currency, expected in amounts:
        created = (await person.post(PATH, {**body(), "price": price, "currency": currency})).json()
        assert created["price"] == (expected or price)
        assert (await person.get(f"{PATH}/{created['id']}")).json() == created

    found = await person.get(PATH, params={"sort": "-price", "fields": "price,currency"})
    priced = await person.get(PATH, params={"price_gte": "0.1", "price_lte": "19.90", "currency": "EUR"})
    several = await person.get(PATH, params={"price_gte": "0.1", "price_lte": "19.90"})
    rows = (await person.get("/audit/changes", params={"entity": "product", "field": "price"})).json()["items"]

    assert [item["price"] for item in found.json()["items"]] == ["99999999999.99", "0.100", "5", "19.90"]
    assert [item["price"] for item in priced.json()["items"]] == ["19.90"]
    assert (several.status_code, several.json()["errors"][0]["code"]) == (422, "currency-required")
    assert {row["changes"]["price"]["new"] for row in rows} >= {"19.9000", "0.1000"}


async def test_price_and_currency_change_together(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as(*WRITES)
    product = (await person.post(PATH, {**body(), "price": "19.90"})).json()
    path = f"{PATH}/{product['id']}"

    refused = await person.patch(path, {"currency": "JPY"})
    changed = await person.patch(path, {"currency": "JPY", "price": "1990"})

    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "too-many-decimals")
    assert (changed.status_code, changed.json()["price"]) == (200, "1990")


async def test_a_sku_is_unique_whatever_its_case_and_free_after_deletion(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as(*WRITES)
    first = (await person.post(PATH, {**body(), "sku": "Ab-1"})).json()

    second = await person.post(PATH, {**body(), "sku": "aB-1"})
    await person.delete(f"{PATH}/{first['id']}")
    third = await person.post(PATH, {**body(), "sku": "AB-1"})
    restored = await person.post(f"{PATH}/{first['id']}/restore")

    assert [answer.status_code for answer in (second, third, restored)] == [409, 201, 409]
    assert second.json()["detail"] == "The value of sku is already taken."


async def referring(person: Person) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    brand = (await person.post("/brands", {"name": "Acme"})).json()
    category = (await person.post("/categories", {"name": "Lamps"})).json()
    product = await person.post(PATH, {**body(), "brand_id": brand["id"], "category_id": category["id"]})
    assert product.status_code == 201, product.text
    return product.json(), brand, category


async def test_a_product_shows_its_brand_and_category(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as(*WRITES, "brands:create", "categories:create")

    product, brand, category = await referring(person)

    assert product["brand"] == {"id": brand["id"], "name": "Acme"}
    assert product["category"] == {"id": category["id"], "name": "Lamps"}
    assert (await person.get(f"{PATH}/{product['id']}")).json() == product
    assert (await person.get(PATH)).json()["items"] == [product]
    cleared = await person.patch(f"{PATH}/{product['id']}", {"brand_id": None})
    assert (cleared.json()["brand"], cleared.json()["brand_id"]) == (None, None)


@pytest.mark.parametrize(("path", "headers"), [(PATH, {}), (PATH, {"Accept": CSV}), (f"{PATH}/{{id}}", {})])
async def test_a_read_is_one_statement(
    database: Database, job: RequestContext, signed_in_as: SignedInAs, path: str, headers: dict[str, str]
) -> None:
    person = await signed_in_as(*WRITES, "brands:create", "categories:create")
    product, _, _ = await referring(person)
    for _ in range(5):
        await person.post(PATH, {**body(), "brand_id": product["brand_id"]})
    await person.get(PATH)
    statements: list[str] = []

    def note(statement: str, _values: Sequence[Any]) -> None:
        if any(name in statement for name in ("product", "brand", "category")):
            statements.append(statement)

    database.reader.listeners.append(note)
    answer = await person.get(path.format(id=product["id"]), headers=headers)

    assert answer.status_code == 200
    assert len(statements) == 1


async def test_a_renamed_brand_changes_the_etag_of_its_products(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as(*WRITES, "brands:create", "brands:update", "categories:create")
    product, brand, _ = await referring(person)
    path = f"{PATH}/{product['id']}"
    headers = {"If-None-Match": (await person.get(path)).headers["etag"]}

    unchanged = await person.get(path, headers=headers)
    await person.patch(f"/brands/{brand['id']}", {"name": "Renamed"})
    renamed = await person.get(path, headers=headers)
    changed = await person.patch(path, {"name": "New"}, headers={"If-Match": headers["If-None-Match"]})

    assert (unchanged.status_code, renamed.status_code) == (304, 200)
    assert renamed.json()["brand"]["name"] == "Renamed"
    assert changed.status_code == 200, "the version of the product itself was current"


async def test_items_in_use_stay_and_deleted_items_are_not_referred_to(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as(*WRITES, "brands:create", "brands:delete", "categories:create", "categories:delete")
    product, brand, category = await referring(person)
    unknown = "01890000-0000-7000-8000-000000000000"

    kept = {
        "brand": await person.delete(f"/brands/{brand['id']}"),
        "category": await person.delete(f"/categories/{category['id']}"),
    }
    nowhere = await person.post(PATH, {**body(), "brand_id": unknown})
    await person.delete(f"{PATH}/{product['id']}")
    gone = await person.delete(f"/brands/{brand['id']}")
    refused = await person.post(PATH, {**body(), "brand_id": brand["id"]})
    restored = await person.post(f"{PATH}/{product['id']}/restore")
    await person.post(f"/brands/{brand['id']}/restore")

    assert refusals(kept) == dict.fromkeys(kept, (409, "in-use"))
    for answer in (nowhere, refused):
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/body/brand_id")
    assert gone.status_code == 204
    assert (restored.status_code, restored.json()["code"]) == (409, "conflict")
    assert (await person.post(f"{PATH}/{product['id']}/restore")).status_code == 200


async def test_stock_movements_change_the_stock_and_have_reasons(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as(*WRITES, "audit:read")
    product = (await person.post(PATH, body())).json()
    path = f"{PATH}/{product['id']}/stock-movements"

    came = await person.post(path, {"delta": 5, "reason": "Bought"}, headers={"X-Request-ID": "came"})
    went = await person.post(path, {"delta": -2, "reason": "Sold"})
    too_much = await person.post(path, {"delta": -4, "reason": "Sold"})
    nothing = await person.post(path, {"delta": 0, "reason": "Idle"})

    assert [answer.status_code for answer in (came, went, too_much, nothing)] == [201, 201, 409, 422]
    assert too_much.json()["code"] == "insufficient-stock"
    assert (await person.get(came.headers["location"].removeprefix("/api/v1"))).json() == came.json()
    items = (await person.get(path)).json()["items"]
    assert [(item["delta"], item["stock"], item["reason"]) for item in items] == [(-2, 3, "Sold"), (5, 5, "Bought")]
    assert (await person.get(f"{PATH}/{product['id']}")).json()["stock"] == 3
    rows = (await person.get("/audit/changes", params={"request_id": "came"})).json()["items"]
    assert {(row["entity"], row["action"]) for row in rows} == {("product", "update"), ("stock_movement", "create")}
    assert (await person.patch(f"{PATH}/{product['id']}", {"stock": 7})).status_code == 422
    await person.delete(f"{PATH}/{product['id']}")
    assert [(await person.get(p)).status_code for p in (path, f"{path}/{items[0]['id']}")] == [404, 404]
