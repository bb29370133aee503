"""A price is set with `products:set-price`, whatever the request; who may only change products repeats it at most."""

import json
from typing import Any

import httpx
import pytest

from tests.answers import refusals, statuses
from tests.modules.api_keys.test_api_keys import make_key
from tests.modules.products.factory import PATH, body
from tests.people import Person, SignedInAs

DEAR, CHEAP = "19.90", "1.00"
WHY = {"Audit-Reason": "a mistake"}
CLERK = ("products:create", "products:update", "products:delete", "products:export")


async def send_file(person: Person, rows: list[dict[str, Any]], **query: Any) -> httpx.Response:
    content = "\n".join(map(json.dumps, rows)).encode()
    headers = {"Content-Type": "application/x-ndjson"}
    return await person.post(f"{PATH}/import", content=content, params=query, headers=headers)


def is_refused(answers: dict[str, httpx.Response], field: str = "price") -> None:
    """Every answer names the permission and the field."""
    assert set(refusals(answers).values()) == {(403, "permission-denied")}, refusals(answers)
    for call, answer in answers.items():
        named = {error["pointer"].rpartition("/")[2]: error["params"] for error in answer.json()["errors"]}
        assert named.keys() <= {"price", "currency"}, call
        assert named[field] == {"field": field, "permission": "products:set-price"}, call
        assert "products:set-price" in answer.json()["detail"], call


async def test_a_price_is_set_by_who_may_set_prices(signed_in_as: SignedInAs) -> None:
    root, clerk = await signed_in_as(superuser=True), await signed_in_as(*CLERK)
    pricer = await signed_in_as("products:update", "products:set-price")
    item = (await root.post(PATH, body())).json()
    path, change = f"{PATH}/{item['id']}", {"price": CHEAP}

    is_refused(
        {
            "change": await clerk.patch(path, change),
            "among others": await clerk.patch(path, {"name": "Other", **change}),
            "create": await clerk.post(PATH, body()),
            "bulk create": await clerk.post(f"{PATH}/bulk", {"create": [body()]}),
            "bulk update": await clerk.post(f"{PATH}/bulk", {"update": [{"id": item["id"], "changes": change}]}),
            "import": await send_file(clerk, [body()]),
            "import of another": await send_file(clerk, [body()], dry_run=True),
            "stop": await send_file(clerk, [body()], on_error="stop"),
            "update": await send_file(clerk, [{"id": item["id"], **change}], mode="update"),
            "by key": await send_file(clerk, [{"sku": item["sku"], **change}], mode="update"),
            "upsert": await send_file(clerk, [{"id": item["id"], **change}], mode="upsert"),
            "upsert of a new one": await send_file(clerk, [body()], mode="upsert"),
        }
    )
    is_refused({"currency": await clerk.patch(path, {"currency": "USD"})}, "currency")
    assert (await root.get(path)).json() == item
    changed = await pricer.patch(path, {"price": CHEAP, "currency": "USD"})
    assert (changed.status_code, changed.json()["price"], changed.json()["currency"]) == (200, CHEAP, "USD")


async def test_a_refused_row_takes_the_rows_before_it_along(signed_in_as: SignedInAs) -> None:
    root, clerk = await signed_in_as(superuser=True), await signed_in_as(*CLERK)
    first, second = [(await root.post(PATH, body())).json() for _ in range(2)]
    rows = [{"id": first["id"], "name": "Renamed"}, {"id": second["id"], "price": CHEAP}]

    for query in ({}, {"on_error": "stop"}, {"dry_run": True}):
        answer = await send_file(clerk, rows, mode="update", **query)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (403, "/body/2/price")
    assert (await root.get(f"{PATH}/{first['id']}")).json() == first


async def test_what_is_stored_may_be_repeated(signed_in_as: SignedInAs) -> None:
    """A form sends all of its fields, and an edited export all of its columns."""
    root, clerk = await signed_in_as(superuser=True), await signed_in_as(*CLERK)
    item = (await root.post(PATH, body())).json()
    path = f"{PATH}/{item['id']}"
    same = {"price": item["price"], "currency": item["currency"]}

    answers = {
        "form": await clerk.patch(path, {**same, "name": "Renamed"}),
        "bulk": await clerk.post(
            f"{PATH}/bulk", {"update": [{"id": item["id"], "changes": {**same, "name": "Again"}}]}
        ),
    }
    exported = (await clerk.get(PATH, headers={"Accept": "text/csv"})).text
    report = await clerk.post(
        f"{PATH}/import",
        content=exported.replace("Again", "Imported").encode(),
        params={"mode": "upsert"},
        headers={"Content-Type": "text/csv"},
    )

    assert statuses(answers) == dict.fromkeys(answers, 200)
    assert (report.status_code, report.json()["updated"], report.json()["lines"][0]["fields"]) == (200, 1, ["name"])
    assert (await root.get(path)).json()["name"] == "Imported"


async def test_a_revert_of_a_price_sets_a_price(signed_in_as: SignedInAs) -> None:
    root, clerk = await signed_in_as(superuser=True), await signed_in_as(*CLERK)
    item = (await root.post(PATH, body())).json()
    path = f"{PATH}/{item['id']}"
    [made] = (await root.get(f"{path}/history")).json()["items"]
    then = {"at": made["at"]}
    await root.patch(path, {"price": CHEAP, "name": "Cheap"})

    is_refused(
        {
            "all": await clerk.post(f"{path}/revert", then, headers=WHY),
            "price": await clerk.post(f"{path}/revert", {**then, "fields": ["price"]}, headers=WHY),
            "preview": await clerk.post(f"{path}/revert", then, headers=WHY, params={"dry_run": True}),
        }
    )
    name = await clerk.post(f"{path}/revert", {**then, "fields": ["name"]}, headers=WHY)
    assert (name.status_code, name.json()["name"], name.json()["price"]) == (200, "Lamp", CHEAP)
    await clerk.delete(path)
    assert (await clerk.post(f"{path}/restore")).json()["price"] == CHEAP


@pytest.mark.parametrize("scope", ["products:update", "products:set-price"])
async def test_a_key_sets_a_price_with_both_scopes(signed_in_as: SignedInAs, scope: str) -> None:
    root = await signed_in_as(superuser=True)
    path = f"{PATH}/{(await root.post(PATH, body())).json()['id']}"
    one, _ = await make_key(root, "products:read", scope)
    both, _ = await make_key(root, "products:read", "products:update", "products:set-price")

    refused, allowed = await one.patch(path, {"price": CHEAP}), await both.patch(path, {"price": CHEAP})

    assert (refused.status_code, allowed.status_code) == (403, 200)
