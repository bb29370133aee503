"""The filter language, from the outside: what each kind of filter finds, and what is refused."""

import asyncio
from collections.abc import Mapping
from time import monotonic
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, literal, select

from app.core.context import RequestContext
from app.core.db.driver.reader import Reader
from app.core.db.engine import Database
from app.core.db.pagination import EntityQuery
from app.core.db.session import limit_list
from app.core.errors import ListTimedOut
from tests.people import Person, SignedInAs, person


@pytest.fixture
async def root(app: FastAPI, client: httpx.AsyncClient) -> Person:
    """A superuser."""
    return await person(app, client, superuser=True)


LAMP = {"name": "Lamp", "price": "10.00", "currency": "EUR"}


async def make(caller: Person, path: str, **values: Any) -> str:
    answer = await caller.post(path, values)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def find(caller: Person, path: str, **params: Any) -> list[str]:
    answer = await caller.get(path, params={"sort": "created_at", **params})
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


@pytest.mark.parametrize(
    ("path", "values", "field"),
    [
        ("/brands", {"name": "Lumen"}, "name"),
        ("/categories", {"name": "Lumen"}, "name"),
        ("/products", {**LAMP, "sku": "Lumen-1"}, "sku"),
        ("/customers", {"first_name": "A", "last_name": "B", "email": "Ann@example.com"}, "email"),
        ("/users", {"username": "Ann.B", "email": "b@example.com", "is_service": True}, "username"),
        ("/users", {"username": "ann", "email": "Ann@example.com", "is_service": True}, "email"),
        ("/roles", {"name": "Lumen"}, "name"),
    ],
)
async def test_a_natural_key_finds_its_item_in_any_case(
    root: Person, path: str, values: Mapping[str, Any], field: str
) -> None:
    made = await make(root, path, **values)

    found = [await find(root, path, **{field: value}) for value in (values[field].upper(), values[field].lower())]
    others = await find(root, path, **{f"{field}_not": values[field].swapcase()})

    assert found == [[made], [made]]
    assert made not in others
    assert await find(root, path, **{field: [values[field], "other"]}) == [made]
    assert await find(root, path, **{field: "lume"}) == []


async def test_a_tree_is_filtered_by_its_roots_and_by_all_that_is_below(root: Person) -> None:
    top = await make(root, "/categories", name="top")
    middle = await make(root, "/categories", name="middle", parent_id=top)
    leaf = await make(root, "/categories", name="leaf", parent_id=middle)
    other = await make(root, "/categories", name="other")
    lamp = await make(root, "/products", **LAMP, sku="L-1", category_id=leaf)
    await make(root, "/products", **LAMP, sku="L-2", category_id=other)

    assert await find(root, "/categories", parent_id_null="true") == [top, other]
    assert await find(root, "/categories", parent_id_under=top) == [middle, leaf]
    assert await find(root, "/products", category_id_under=top) == [lamp]
    assert await find(root, "/products", category_id_under=middle, sort="-name", total="exact") == [lamp]
    assert await find(root, "/products", category_id=top) == []


async def test_products_are_found_by_their_tags(root: Person) -> None:
    oak, sale, gone = [await make(root, "/tags", name=name) for name in ("Oak", "sale", "gone")]
    both, one, none, hidden = [await make(root, "/products", **LAMP, sku=f"L-{n}") for n in range(4)]
    for product, tags in ((both, [oak, sale]), (one, [oak]), (hidden, [gone])):
        await root.put(f"/products/{product}/tags", {"tag_ids": tags})
    await root.delete(f"/tags/{gone}")

    assert await find(root, "/products", tag_id=oak, total="exact") == [both, one]
    assert await find(root, "/products", tag_id=[sale, gone]) == [both]
    assert await find(root, "/products", tag_id_not=sale) == [one, none, hidden]
    assert await find(root, "/products", tag_id_null="true") == [none, hidden]
    assert await find(root, "/products", tag_id_null="false", sort="-sku") == [one, both]
    assert await find(root, "/products", tag="OAK", tag_not="Sale") == [one]
    assert await find(root, "/products", tag=["gone", "sale"]) == [both]
    table = await root.get("/products", params={"tag": "sale", "format": "csv"})
    assert table.text.count("L-") == 1
    facets = (await root.get("/products/summary", params={"by": "tag_id", "sum": "stock"})).json()
    counts = {group["tag"] and group["tag"]["name"]: group["count"] for group in facets["items"]}
    assert (facets["total"], facets["groups"], counts) == (4, 3, {"Oak": 2, "sale": 1, None: 2})
    await root.post(f"/tags/{gone}/restore")
    assert await find(root, "/products", tag="Gone") == [hidden]


async def test_references_are_found_by_their_names(root: Person) -> None:
    brand = await make(root, "/brands", name="Lumen")
    lamp = await make(root, "/products", **LAMP, sku="L-1", brand_id=brand)
    other = await make(root, "/products", **LAMP, sku="L-2")
    ann = await make(root, "/users", username="Ann", email="ann@example.com", is_service=True)
    task = await make(root, "/tasks", title="Count", assignee_id=ann)
    free = await make(root, "/tasks", title="Sweep")

    assert await find(root, "/products", brand="LUMEN") == [lamp]
    assert await find(root, "/products", brand=["none", "lume"]) == []
    assert await find(root, "/products", brand_not="lumen") == [other]
    assert await find(root, "/tasks", assignee="ann") == [task]
    assert await find(root, "/tasks", assignee_not="ann") == [free]


async def test_options_are_sorted_in_the_order_of_their_declaration(root: Person) -> None:
    """Not alphabetically: `high` would be before `low` and `urgent` before none."""
    order = ["low", "normal", "high", "urgent"]
    ids = {priority: await make(root, "/tasks", title=priority, priority=priority) for priority in reversed(order)}

    assert await find(root, "/tasks", sort="priority") == [ids[each] for each in order]
    assert await find(root, "/tasks", sort="-priority") == [ids[each] for each in reversed(order)]
    assert await find(root, "/tasks", sort="status,-priority") == [ids[each] for each in reversed(order)]
    assert await find(root, "/tasks", priority_not=["low", "high"], sort="priority") == [ids["normal"], ids["urgent"]]
    assert await find(root, "/tasks", priority_not=order) == []
    for title in order:
        await make(root, "/tasks", title=f"same {title}", priority=title)
    same = (await root.get("/tasks", params={"q": "same", "sort": "-priority", "fields": "priority"})).json()["items"]
    assert [item["priority"] for item in same] == order[::-1]
    rest = {"q": "same", "sort": "-priority", "limit": 2, "total": "true"}
    first = (await root.get("/tasks", params=rest)).json()
    second = (await root.get("/tasks", params={**rest, "cursor": first["next_cursor"]})).json()
    assert [item["priority"] for item in second["items"]] == order[1::-1]


async def test_amounts_are_compared_within_one_currency(root: Person) -> None:
    euros = await make(root, "/products", **LAMP, sku="L-1")
    yen = await make(root, "/products", **{**LAMP, "price": "9", "currency": "JPY"}, sku="L-2")
    cheap = await make(root, "/products", **{**LAMP, "price": "2.00"}, sku="L-3")

    for params in ({"price_gte": "5"}, {"price_lt": "5", "currency": ["EUR", "JPY"]}, {"price": "9"}):
        answer = await root.get("/products", params=params)
        assert answer.status_code == 422, params
        [error] = answer.json()["errors"]
        assert error["code"] == "currency-required"
        assert error["detail"].startswith("price")
    assert await find(root, "/products", price_gte="5", currency="EUR") == [euros]
    assert await find(root, "/products", price_lte="10.00", currency="EUR", sort="price") == [cheap, euros]
    assert await find(root, "/products", sort="price") == [cheap, euros, yen], "within each currency"


async def test_logs_and_lists_of_the_system_have_the_same_filters(root: Person) -> None:
    other = await make(root, "/users", username="ann", email="ann@example.com", is_service=True)
    await root.client.post("/auth/token", data={"username": "ann", "password": "wrong"})
    await root.client.post("/auth/token", data={"username": "nobody", "password": "wrong"})

    failed = (await root.get("/auth/logins", params={"is_successful": "false", "fields": "reason,user_id"})).json()[
        "items"
    ]
    assert [sorted(item) for item in failed] == [["id", "reason", "user_id"]] * 2
    ids = [item["id"] for item in failed]
    logins = {"sort": "at", "id": ids}
    assert await find(root, "/auth/logins", **logins, user_id_null="true") == ids[:1]
    assert await find(root, "/auth/logins", **logins, user_id=[other, ids[0]]) == ids[1:]
    assert await find(root, "/auth/logins", **logins, reason_null="true") == []
    modules = (await root.get("/modules", params={"slug": ["tasks", "tags"], "fields": "slug"})).json()["items"]
    assert [sorted(item) for item in modules] == [["id", "slug"]] * 2
    assert await find(root, "/modules", slug="tags", is_active="false", sort="slug") == []
    for path in ("/module-groups", "/audit/access", "/audit/changes", "/rbac/versions", f"/users/{other}/history"):
        items = (await root.get(path, params={"fields": "id", "limit": 2})).raise_for_status().json()["items"]
        assert {name for item in items for name in item} == {"id"}, path


@pytest.mark.parametrize("path", ["/audit/changes?format=csv", "/audit/evidence/changes?"])
async def test_sealed_entries_are_files_as_a_whole(root: Person, path: str) -> None:
    answer = await root.get(f"{path}&fields=id")

    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [("/query/fields", "whole-entries")]


async def test_lists_that_belong_to_an_item_have_filters_too(root: Person) -> None:
    lamp = await make(root, "/products", **LAMP, sku="L-1")
    path = f"/products/{lamp}/stock-movements"
    movements = [await make(root, path, delta=n + 1, reason="Delivered") for n in range(3)]
    at = (await root.get(f"{path}/{movements[1]}")).json()["created_at"]
    key = await make(root, "/auth/api-keys", name="Export", scopes=["tasks:read"])

    assert await find(root, path, created_at_gt=at) == movements[2:]
    assert await find(root, path, id_not=movements[1]) == [movements[0], movements[2]]
    assert await find(root, "/auth/api-keys", name="Export", revoked_at_null="true") == [key]
    assert await find(root, "/auth/api-keys", expires_at_null="false") == []


@pytest.mark.parametrize(
    "params",
    [
        {"status": "gone"},
        {"stock_gte": "many"},
        {"stock_gte": str(2**31)},
        {"currency": "eur"},
        {"brand_id_null": "perhaps"},
        {"id": ["x"]},
        {"id": ["01890000-0000-7000-8000-000000000000"] * 101},
        {"description": "lamp"},
        {"name_under": "x"},
        {"created_at_gte": "yesterday"},
    ],
)
async def test_a_filter_that_is_not_declared_or_valid_is_refused(root: Person, params: dict[str, Any]) -> None:
    [name] = params

    answer = await root.get("/products", params=params)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"].startswith(f"/query/{name}")


async def test_a_list_has_a_time_limit_of_its_own(app: FastAPI, root: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """Filters without an index in common may read very many rows. Others should not wait for that."""

    async def slowly(self: Reader, *statement: Any) -> Any:
        await asyncio.sleep(0.3 if "product" in str(statement[0]) else 0)
        return await fetch(self, *statement)

    fetch = Reader.fetch
    monkeypatch.setattr(Reader, "fetch", slowly)
    settings = app.state.database.settings
    options = settings.database.model_copy(update={"list_seconds": 0.05})
    monkeypatch.setattr(app.state.database, "settings", settings.model_copy(update={"database": options}))

    answers = [await root.get(path) for path in ("/products", "/products/summary?by=status")]

    assert [answer.status_code for answer in answers] == [504, 504]
    assert answers[0].json()["code"] == answers[1].json()["code"] == "list-timeout"
    assert "retry-after" not in answers[0].headers, "the same question takes as long again"


async def test_a_list_that_takes_too_long_is_stopped_in_the_database(database: Database, job: RequestContext) -> None:
    session = database.read_session(job)
    session.list_seconds = 0.3
    first = select(literal(1).label("n")).cte("numbers", recursive=True)
    numbers = first.union_all(select(first.c.n + 1))
    started = monotonic()

    with pytest.raises(ListTimedOut):
        async with limit_list(session):
            await session.all(select(func.count()).select_from(numbers))

    assert monotonic() - started < 10
    assert await session.value(select(literal(1))) == 1


async def test_only_the_fields_that_are_asked_for_come(root: Person) -> None:
    brand = await make(root, "/brands", name="Lumen")
    lamp = await make(root, "/products", **LAMP, sku="L-1", brand_id=brand)
    whole = (await root.get(f"/products/{lamp}")).json()

    page = (await root.get("/products", params={"fields": "price,brand"})).json()
    one = await root.get(f"/products/{lamp}", params={"fields": "name"})
    known = await root.get(
        f"/products/{lamp}", params={"fields": "name"}, headers={"If-None-Match": one.headers["etag"]}
    )
    rows = await root.get("/products", params={"fields": "brand,sku"}, headers={"Accept": "text/csv"})

    assert page["items"] == [{name: whole[name] for name in ("id", "price", "brand")}]
    assert (one.json(), one.headers["etag"]) == ({"id": lamp, "name": "Lamp"}, '"1.1.0"')
    assert known.status_code == 304
    assert rows.text == f'"id","sku","brand.id","brand.name"\r\n"{lamp}","L-1","{brand}","Lumen"\r\n'
    for path in ("/products", f"/products/{lamp}"):
        answer = await root.get(path, params={"fields": "name,secret"})
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "unknown-field")


async def test_a_cursor_goes_on_with_other_fields(root: Person) -> None:
    for n in range(3):
        await make(root, "/tasks", title=f"t{n}")
    first = (await root.get("/tasks", params={"limit": 1, "sort": "title", "fields": "title"})).json()

    params = {"limit": 1, "sort": "title", "cursor": first["next_cursor"]}
    second = (await root.get("/tasks", params=params)).json()

    assert [first["items"][0]["title"], second["items"][0]["title"]] == ["t0", "t1"]
    assert first["items"][0].keys() == {"id", "title"}


async def test_deleted_items_are_counted_by_those_who_may_delete(signed_in_as: SignedInAs) -> None:
    author = await signed_in_as("tasks:create", "tasks:delete")
    reader = await signed_in_as("tasks:read")
    await author.delete(f"/tasks/{await make(author, '/tasks', title='gone')}")
    question = {"by": "status", "deleted": "only", "q": "gone"}

    found = await author.get("/tasks/summary", params=question)
    refused = await reader.get("/tasks/summary", params=question)

    assert found.json()["total"] == 1
    assert refused.status_code == 403


async def test_a_summary_shows_the_largest_groups_and_counts_all(root: Person) -> None:
    for priority in ("low", "low", "low", "high", "high", "urgent"):
        await make(root, "/tasks", title="t", priority=priority, assignee_id=str(root.id))

    answer = await root.get("/tasks/summary", params={"by": ["priority,assignee_id", "priority"], "limit": 2})

    user = {"id": str(root.id), "name": root.username}
    assert answer.json() == {
        "by": ["priority", "assignee_id"],
        "total": 6,
        "groups": 3,
        "items": [
            {"count": count, "status": None, "priority": priority, "assignee_id": str(root.id), "assignee": user}
            for priority, count in (("low", 3), ("high", 2))
        ],
    }
    empty = await root.get("/tasks/summary", params={"by": "status", "due_date_null": "false"})
    assert empty.json() == {"by": ["status"], "total": 0, "groups": 0, "items": []}


@pytest.mark.parametrize(
    ("params", "pointer", "code"),
    [
        ({}, "/query/by", "missing"),
        ({"by": "sku"}, "/query/by/0", "literal-error"),
        ({"by": "status", "sum": "weight"}, "/query/sum/0", "literal-error"),
        ({"by": "status", "sum": "price"}, "/query", "currency-required"),
        ({"by": "status", "limit": "1001"}, "/query/limit", "less-than-equal"),
    ],
)
async def test_a_summary_that_cannot_be_made_is_refused(
    root: Person, params: dict[str, str], pointer: str, code: str
) -> None:
    answer = await root.get("/products/summary", params=params)

    assert answer.status_code == 422
    assert (answer.json()["errors"][0]["pointer"], answer.json()["errors"][0]["code"]) == (pointer, code)


def test_a_column_that_cannot_be_compared_stops_the_start() -> None:
    from app.modules.customers.models import Customer  # noqa: PLC0415  # only here

    with pytest.raises(TypeError, match=r"customer\.address"):
        type("Planted", (EntityQuery,), {"lists": Customer, "filterable": ("address",), "__module__": __name__})
