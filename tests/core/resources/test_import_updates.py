"""Imports that change items: which item a row is about, what an empty cell means, and what cannot be written."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.core.config import LimitSettings
from app.core.db.engine import Database
from app.core.resources.imports.report import MAX_LINES
from app.core.resources.imports.rows import ROWS_PER_BATCH
from app.main import create_app
from tests.contract.resources import everything
from tests.fixtures.databases import settings_for
from tests.people import Person, SignedInAs
from tests.people import person as person_in

CSV, NDJSON = "text/csv", "application/x-ndjson"
only_on_sqlite = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


async def load(person: Person, path: str, content: str, query: str = "mode=upsert", **headers: str) -> httpx.Response:
    kind = NDJSON if content.startswith("{") else CSV
    return await person.post(f"{path}/import?{query}", content=content, headers={"Content-Type": kind, **headers})


def counts(answer: httpx.Response) -> tuple[int, ...]:
    """(created, updated, unchanged, failed)"""
    assert answer.status_code == 200, answer.text
    return tuple(answer.json()[name] for name in ("created", "updated", "unchanged", "failed"))


def errors(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code == 422, answer.text
    return {error["pointer"]: error["code"] for error in answer.json()["errors"]}


async def everyone(signed_in_as: SignedInAs, *slugs: str) -> Person:
    return await signed_in_as(*(permission for slug in slugs for permission in everything(slug)))


async def product(person: Person, sku: str, **more: Any) -> Any:
    body = {"sku": sku, "name": "Lamp", "price": "19.90", "currency": "EUR", **more}
    answer = await person.post("/products", body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_value_that_an_earlier_row_gives_up_is_free(signed_in_as: SignedInAs) -> None:
    """Regression: SQLite, which checks a file before it writes, compared with what the earlier row was to replace."""
    person = await everyone(signed_in_as, "products")
    first, second = await product(person, "A"), await product(person, "B")

    moved = await load(person, "/products", f"id,sku\n{second['id']},C\n{first['id']},B\n", "mode=update")
    created = await load(
        person,
        "/products",
        f"id,sku,name,price,currency\n{first['id']},D,Lamp,19.90,EUR\n,B,New,1,EUR\n",
        "mode=upsert",
    )
    again = await load(person, "/products", f"id,sku\n{first['id']},E\n{second['id']},F\n,D\n,E\n", "mode=update")
    items = {item["id"]: item["sku"] for item in (await person.get("/products")).json()["items"]}

    assert (counts(moved), counts(created)) == ((0, 2, 0, 0), (1, 1, 0, 0))
    assert errors(again) == {"/body/4": "not-found", "/body/5": "repeated-item"}
    assert (items[first["id"]], items[second["id"]], sorted(items.values())) == ("D", "C", ["B", "C", "D"])


async def test_a_unique_value_finds_the_item(signed_in_as: SignedInAs) -> None:
    person = await everyone(signed_in_as, "products")
    lamp = await product(person, "LAMP-1")

    upserted = await load(person, "/products", "sku;price;name;currency\nlamp-1;24,5;Lamp;EUR\nNEW;1;New;EUR\n")
    updated = await load(person, "/products", "sku,price\nLAMP-1,30\n", "mode=update")
    unknown = await load(person, "/products", "sku,price\nnone,1\n,2\n", "mode=update")
    created = await load(person, "/products", "sku,price\nnone,1\n")

    assert counts(upserted) == (1, 1, 0, 0)
    assert upserted.json()["lines"][0]["fields"] == ["price", "sku"]
    assert counts(updated) == (0, 1, 0, 0)
    now = (await person.get(f"/products/{lamp['id']}")).json()
    assert (now["price"], now["version"], now["sku"]) == ("30.00", 3, "LAMP-1")
    assert errors(unknown) == {"/body/2": "not-found", "/body/3/id": "missing"}
    assert errors(created) == {"/body/2/name": "missing", "/body/2/currency": "missing"}


async def test_a_unique_value_may_have_a_scope(signed_in_as: SignedInAs) -> None:
    person = await everyone(signed_in_as, "categories")
    top = (await person.post("/categories", {"name": "Lamps"})).json()["id"]
    below = (await person.post("/categories", {"name": "Lamps", "parent_id": top})).json()["id"]

    done = await load(person, "/categories", f"name,parent_id,description\nLAMPS,,top\nLamps,{top},below\nDesk,,\n")

    assert counts(done) == (1, 2, 0, 0)
    found = {item: (await person.get(f"/categories/{item}")).json()["description"] for item in (top, below)}
    assert found == {top: "top", below: "below"}


async def test_a_row_without_a_key_is_a_new_item(signed_in_as: SignedInAs) -> None:
    person = await everyone(signed_in_as, "tasks")

    upserted = await load(person, "/tasks", "title,id,version\nCount,,\n")
    updated = await load(person, "/tasks", "title\nCount\n", "mode=update")

    assert counts(upserted) == (1, 0, 0, 0)
    assert errors(updated) == {"/body/2/id": "missing"}


async def test_an_empty_cell_clears_a_value(signed_in_as: SignedInAs) -> None:
    person = await everyone(signed_in_as, "customers")
    address = {"line1": "Market Street 1", "line2": "Yard", "city": "Berlin", "country": "DE"}
    names = {"first_name": "Ines", "last_name": "Costa", "company": "Lumen", "address": address}
    items = [(await person.post("/customers", {**names, "email": f"c{n}@example.com"})).json() for n in range(3)]
    columns = ["id", "company", *(f"address.{name}" for name in ("line1", "line2", "city", "region", "postal_code"))]
    header = ",".join([*columns, "address.country"])
    rows = [
        f"{items[0]['id']},,Market Street 1,,Berlin,,,DE",
        f"{items[1]['id']},Lumen,,,,,,",
        f"{items[2]['id']},Lumen,Market Street 1,Yard,Porto,,,PT",
    ]

    done = await load(person, "/customers", "\n".join([header, *rows]))
    refused = await load(person, "/customers", f"id,last_name,status\n{items[0]['id']},,\n")
    incomplete = await load(person, "/customers", f"id,address.city\n{items[1]['id']},Porto\n")
    partly = await load(person, "/customers", f"id,address.line2,address.region\n{items[1]['id']},,\n")

    assert counts(done) == (0, 3, 0, 0)
    stored = [(await person.get(f"/customers/{item['id']}")).json() for item in items]
    whole = dict.fromkeys(("region", "postal_code"))
    assert [(item["company"], item["address"]) for item in stored] == [
        (None, {**address, **whole, "line2": None}),
        ("Lumen", None),
        ("Lumen", {**address, **whole, "city": "Porto", "country": "PT"}),
    ]
    assert errors(refused) == {"/body/2/last_name": "missing", "/body/2/status": "missing"}
    assert set(errors(incomplete)) == {"/body/2/address/line1", "/body/2/address/country"}
    assert counts(partly) == (0, 0, 1, 0)


async def test_what_cannot_be_written_is_compared(signed_in_as: SignedInAs) -> None:
    person = await everyone(signed_in_as, "products", "brands")
    brand = (await person.post("/brands", {"name": "Lumen"})).json()["id"]
    lamp = (await product(person, "A", brand_id=brand))["id"]
    await person.post(f"/products/{lamp}/stock-movements", {"delta": 3, "reason": "Delivered"})

    same = await load(person, "/products", f"id,stock,brand.name\n{lamp},3,Lumen\n")
    unknown = await load(person, "/products", f"id,stock,brand.name\n{lamp},,\n")
    other = await load(person, "/products", f"id,stock,brand.name\n{lamp},4,Nox\n")
    as_json = await load(person, "/products", json.dumps({"id": lamp, "stock": 4, "brand": None}) + "\n")
    new = await load(person, "/products", "sku,name,price,currency,stock\nB,Lamp,1,EUR,4\n")

    assert counts(same) == counts(unknown) == (0, 0, 1, 0)
    assert errors(other) == {"/body/2/stock": "read-only", "/body/2/brand.name": "read-only"}
    assert errors(as_json) == {"/body/1/stock": "read-only"}
    assert errors(new) == {"/body/2/stock": "read-only"}


async def test_rules_of_a_module_apply_to_changed_rows(signed_in_as: SignedInAs) -> None:
    person = await everyone(signed_in_as, "tasks", "categories", "products")
    task = (await person.post("/tasks", {"title": "Count"})).json()["id"]
    top = (await person.post("/categories", {"name": "top"})).json()["id"]
    below = (await person.post("/categories", {"name": "below", "parent_id": top})).json()["id"]
    lamp, lost = (await product(person, "A"))["id"], "01890000-0000-7000-8000-000000000000"
    await product(person, "B")

    refused = {
        "status": await load(person, "/tasks", f"id,status\n{task},done\n"),
        "cycle": await load(person, "/categories", f"id,parent_id\n{top},{below}\n"),
        "price": await load(person, "/products", f"id,price\n{lamp},1.234\n"),
        "taken": await load(person, "/products", f"id,sku\n{lamp},b\n"),
        "reference": await load(person, "/products", f"id,brand_id\n{lamp},{lost}\n"),
    }
    started = await load(person, "/tasks", f"id,status\n{task},in_progress\n")
    finished = await load(person, "/tasks", f"id,status,version\n{task},done,2\n")

    assert {name: list(errors(answer).values()) for name, answer in refused.items()} == {
        "status": ["invalid-transition"],
        "cycle": ["category-cycle"],
        "price": ["too-many-decimals"],
        "taken": ["already-exists"],
        "reference": ["unknown-reference"],
    }
    assert counts(started) == counts(finished) == (0, 1, 0, 0)
    assert (await person.get(f"/tasks/{task}")).json()["completed_at"] is not None


async def test_values_may_move_within_a_file(signed_in_as: SignedInAs) -> None:
    """A name that one row gives up and another takes, in either order, is all or nothing."""
    person = await everyone(signed_in_as, "brands")
    brands = [(await person.post("/brands", {"name": name})).json()["id"] for name in ("a", "b")]

    twice = await load(person, "/brands", f"id,name\n{brands[0]},c\n{brands[1]},C\n")
    same_case = await load(person, "/brands", f"id,name\n{brands[0]},A\n")

    assert errors(twice) == {"/body/3/name": "already-exists"}
    assert counts(same_case) == (0, 1, 0, 0)


async def test_a_version_can_be_required(database_url: str, tmp_path: Path) -> None:
    strict = create_app(settings_for(database_url, tmp_path, limits=LimitSettings(require_if_match=True)))
    transport = httpx.ASGITransport(strict, raise_app_exceptions=False)
    async with (
        strict.router.lifespan_context(strict),
        httpx.AsyncClient(transport=transport, base_url="http://attest.test/api/v1") as caller,
    ):
        someone = await person_in(strict, caller, ("brands:create", "brands:update"))
        brand = (await someone.post("/brands", {"name": "a"})).json()["id"]

        without = await load(someone, "/brands", f"id,name\n{brand},b\n")
        unchanged = await load(someone, "/brands", f"id,name\n{brand},a\n")
        done = await load(someone, "/brands", f"id,name,version\n{brand},b,1\n")

    assert errors(without) == {"/body/2": "precondition-required"}
    assert counts(unchanged) == (0, 0, 1, 0)
    assert counts(done) == (0, 1, 0, 0)


def renamed(items: Sequence[Any], name: str) -> str:
    return "".join(json.dumps({"id": item["id"], "name": f"{name} {n}"}) + "\n" for n, item in enumerate(items))


async def test_a_long_file_changes_every_item_once(signed_in_as: SignedInAs) -> None:
    person, auditor = await everyone(signed_in_as, "brands"), await signed_in_as("audit:read")
    rows = "".join(json.dumps({"name": f"brand {n}"}) + "\n" for n in range(MAX_LINES + ROWS_PER_BATCH))
    created = await load(person, "/brands", rows, **{"X-Request-ID": "created"})
    export = (await person.get("/brands?format=ndjson&sort=created_at")).text
    items = [json.loads(line) for line in export.splitlines()]

    unchanged = await load(person, "/brands", export, "mode=update", **{"X-Request-ID": "unchanged"})
    stopped = renamed(items, "other") + json.dumps({"id": items[0]["id"], "name": "again"}) + "\n"
    refused = await load(person, "/brands", stopped)
    done = await load(person, "/brands", renamed(items, "other"), **{"Idempotency-Key": "k"})
    again = await load(person, "/brands", renamed(items, "other"), **{"Idempotency-Key": "k"})

    assert counts(created) == (len(items), 0, 0, 0)
    assert len(created.json()["lines"]) == MAX_LINES
    assert counts(unchanged) == (0, 0, len(items), 0)
    entries = await auditor.get("/audit/changes", params={"request_id": "unchanged"})
    assert entries.json()["items"] == []
    assert errors(refused) == {f"/body/{len(items) + 1}": "repeated-item"}
    assert counts(done) == (0, len(items), 0, 0)
    assert again.json() == done.json()
    versions = [json.loads(line)["version"] for line in (await person.get("/brands?format=ndjson")).text.splitlines()]
    assert versions == [2] * len(items)


@only_on_sqlite
async def test_a_retry_goes_on_where_a_crash_ended_the_import(database: Database, signed_in_as: SignedInAs) -> None:
    person = await everyone(signed_in_as, "brands")
    rows = "".join(json.dumps({"name": f"brand {n}"}) + "\n" for n in range(2 * ROWS_PER_BATCH))
    await load(person, "/brands", rows)
    items = [json.loads(line) for line in (await person.get("/brands?format=ndjson&sort=created_at")).text.splitlines()]
    content = renamed(items, "other") + json.dumps({"name": "new"}) + "\n"
    commits: list[int] = []

    async def crash(session: Any) -> None:
        if session.context.request_id == "first":
            commits.append(1)
            if len(commits) == 3:  # the first transaction only looks for a response to the key
                raise RuntimeError("the process dies here")

    database.hooks.before_commit.append(crash)
    first = await load(person, "/brands", content, **{"Idempotency-Key": "k", "X-Request-ID": "first"})
    retried = await load(person, "/brands", content, **{"Idempotency-Key": "k"})

    assert first.status_code == 500
    assert counts(retried) == (1, 2 * ROWS_PER_BATCH, 0, 0)
    assert retried.json()["lines"][0]["line"] == ROWS_PER_BATCH + 1
    versions = {json.loads(line)["version"] for line in (await person.get("/brands?format=ndjson")).text.splitlines()}
    assert versions == {1, 2}
