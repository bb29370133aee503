"""Every filter, sort, choice of fields and summary that a resource declares works, on each database."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

from app.core.db.declared_filters import read_name
from app.core.db.entity import table_of
from app.core.db.filters import SHARED
from app.core.db.group_query import groupable
from app.core.db.pagination import EntityQuery
from app.core.resources.router import Resource
from tests.answers import statuses
from tests.contract.resources import everything, factories
from tests.people import Person, SignedInAs


def declarations() -> Iterator[tuple[str, Any, Resource]]:
    """Name, factory and declaration of each resource."""
    for folder, factory in factories().items():
        declared = getattr(import_module(f"app.modules.{folder}.router"), "resource", None)
        if isinstance(declared, Resource):
            yield folder, factory, declared


DECLARED = list(declarations())
resources = pytest.mark.parametrize(
    ("factory", "resource"), [it[1:] for it in DECLARED], ids=[it[0] for it in DECLARED]
)


async def make(person: Person, factory: Any) -> dict[str, Any]:
    """An item as a list shows it."""
    answer = await person.post(factory.PATH, factory.body())
    assert answer.status_code == 201, answer.text
    item: dict[str, Any] = (await person.get(f"{factory.PATH}/{answer.json()['id']}")).json()
    return item


def question(query: type[EntityQuery], name: str, item: dict[str, Any]) -> dict[str, Any]:
    """A value for the filter `name`: that of `item`, if it has one."""
    assert query.lists is not None
    column, suffix = read_name(table_of(query.lists), name)
    if suffix == "null":
        return {name: str(item[column] is None).lower()}
    value = item[column]
    currency = query.currencies.get(column)
    return {
        name: str(value).lower() if isinstance(value, bool) else value,
        **({currency: item[currency]} if currency else {}),
    }


@resources
async def test_every_filter_finds_what_it_says(signed_in_as: SignedInAs, factory: Any, resource: Resource) -> None:
    person = await signed_in_as(*everything(factory.SLUG))
    item = await make(person, factory)
    await make(person, factory)
    excluding, including = ("_not", "_lt", "_gt", "_under"), ("_lte", "_gte", "_null")
    tried = 0

    for name in resource.query.model_fields.keys() - SHARED:
        params = question(resource.query, name, item)
        if params[name] is None:
            continue
        answer = await person.get(factory.PATH, params={**params, "limit": 100})
        assert answer.status_code == 200, (name, answer.text)
        is_found = item["id"] in [found["id"] for found in answer.json()["items"]]
        assert is_found or name.endswith(excluding), name
        assert not is_found or name.endswith(including) or not name.endswith(excluding), name
        tried += 1

    assert tried >= 10


@resources
async def test_every_sort_works_in_both_directions(signed_in_as: SignedInAs, factory: Any, resource: Resource) -> None:
    person = await signed_in_as(*everything(factory.SLUG))
    made = {(await make(person, factory))["id"] for _ in range(2)}

    for field in resource.query.sortable:
        for sort in (field, f"-{field}"):
            first = (await person.get(factory.PATH, params={"sort": sort, "limit": 1, "id": list(made)})).json()
            params = {"sort": sort, "limit": 1, "id": list(made), "cursor": first["next_cursor"]}
            second = (await person.get(factory.PATH, params=params)).json()
            assert {first["items"][0]["id"], second["items"][0]["id"]} == made, sort
            assert second["next_cursor"] is None


@resources
async def test_an_answer_has_the_chosen_fields(signed_in_as: SignedInAs, factory: Any, resource: Resource) -> None:
    person = await signed_in_as(*everything(factory.SLUG))
    item = await make(person, factory)

    for name in resource.read.model_fields:
        wanted = {"id": item["id"], name: item[name]}
        assert (await person.get(f"{factory.PATH}/{item['id']}", params={"fields": name})).json() == wanted
        page = (await person.get(factory.PATH, params={"fields": name, "id": item["id"]})).json()
        assert page["items"] == [wanted]
    paths = (factory.PATH, f"{factory.PATH}/{item['id']}")
    assert statuses({path: await person.get(path, params={"fields": "x"}) for path in paths}) == dict.fromkeys(
        paths, 422
    )


@resources
async def test_a_summary_counts_what_the_list_has(signed_in_as: SignedInAs, factory: Any, resource: Resource) -> None:
    person = await signed_in_as(*everything(factory.SLUG))
    stranger = await signed_in_as()
    await make(person, factory)
    total = (await person.get(factory.PATH, params={"total": "exact"})).json()["total"]
    path = f"{factory.PATH}/summary"

    for name in groupable(resource.query):
        answer = await person.get(path, params={"by": name})
        assert answer.status_code == 200, answer.text
        assert answer.json()["total"] == total == sum(group["count"] for group in answer.json()["items"])
        assert (await stranger.get(path, params={"by": name})).status_code == 403
    if not groupable(resource.query):
        assert (await person.get(path)).status_code in (404, 405)
