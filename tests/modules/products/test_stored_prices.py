"""A stored price keeps its decimal places, whatever becomes of its currency."""

from decimal import Decimal

import iso4217
import pytest

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.modules.audit.drift.command import drift
from app.modules.products.models import Product
from tests.people import Person, SignedInAs

PATH = "/products"
BODY = {"sku": "LAMP-1", "name": "Desk lamp", "price": "19.90", "currency": "EUR"}


@pytest.fixture
async def clerk(signed_in_as: SignedInAs) -> Person:
    return await signed_in_as(
        "products:create", "products:read", "products:update", "products:set-price", "products:export", "audit:read"
    )


async def test_a_price_in_a_withdrawn_currency_is_shown_as_it_was_stored(
    clerk: Person, database: Database, job: RequestContext
) -> None:
    async with database.unit_of_work(job) as session:
        stored = Product(sku="KUNA-1", name="Lamp", price=Decimal("19.9"), currency="HRK")
        session.add(stored)
    path = f"{PATH}/{stored.id}"

    assert (await clerk.get(path)).json()["price"] == "19.90"
    assert [item["price"] for item in (await clerk.get(PATH)).json()["items"]] == ["19.90"]
    assert '"19.90"' in (await clerk.get(PATH, headers={"Accept": "text/csv"})).text
    for change, price in [
        ({"name": "Desk lamp"}, "19.90"),
        ({"name": "Lamp", "price": "19.90", "currency": "HRK"}, "19.90"),
        ({"price": "18.5"}, "18.50"),
    ]:
        answer = await clerk.patch(path, change)
        assert (answer.status_code, answer.json()["price"]) == (200, price), answer.text
        assert (await clerk.get(path)).json()["price"] == price


async def test_nobody_begins_to_use_a_withdrawn_currency(clerk: Person) -> None:
    made = (await clerk.post(PATH, BODY)).raise_for_status().json()

    answers = [
        await clerk.post(PATH, {**BODY, "sku": "LAMP-2", "currency": "HRK"}),
        await clerk.patch(f"{PATH}/{made['id']}", {"currency": "HRK"}),
    ]

    for answer in answers:
        assert answer.status_code == 422
        assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [
            ("/body/currency", "unknown-currency")
        ]


async def test_a_lowered_exponent_changes_nothing_that_is_stored(
    clerk: Person, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"{PATH}/{(await clerk.post(PATH, BODY)).raise_for_status().json()['id']}"

    class Lowered:
        exponent = 0

        def __init__(self, _code: str) -> None:
            """Every currency is without decimal places now."""

    monkeypatch.setattr(iso4217, "Currency", Lowered)
    assert (await clerk.get(path)).json()["price"] == "19.90"
    assert (await clerk.patch(path, {"name": "Lamp"})).json()["price"] == "19.90"
    assert (await clerk.patch(path, {"price": "19.9", "currency": "EUR"})).json()["price"] == "19.90"
    assert (await clerk.patch(path, {"price": "18.50"})).json()["errors"][0]["code"] == "too-many-decimals"
    assert (await clerk.patch(path, {"price": "18"})).json()["price"] == "18"

    entries = (await clerk.get("/audit/changes", params={"entity": "product"})).json()["items"]
    assert all("price_places" not in entry["changes"] for entry in entries)
    assert entries[-1]["changes"]["price"] == {"new": "19.9000", "old": None}
    assert (await drift(database, entity="product")).exit_code == 0
