"""Every filter, sort, choice of fields and summary that a resource declares works, on each database."""

from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any

import pytest

from app.core.db.declared_filters import read_name
from app.core.db.entity import table_of
from app.core.db.field_rules import MASKED
from app.core.db.filters import SHARED
from app.core.db.group_query import groupable
from app.core.db.linked_filters import name_filter
from app.core.db.links import LinkSet
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


async def make(person: Person, factory: Any, *sets: LinkSet) -> dict[str, Any]:
    """An item as a list shows it, with a new member in each of its sets."""
    answer = await person.post(factory.PATH, factory.body())
    assert answer.status_code == 201, answer.text
    path = f"{factory.PATH}/{answer.json()['id']}"
    for links in sets:
        members = factories()[links.module or links.name]
        member = (await person.post(members.PATH, members.body())).json()["id"]
        assert (await person.put(f"{path}/{links.name}", {links.field: [member]})).status_code == 200
    item: dict[str, Any] = (await person.get(path)).json()
    return item


def permissions_for(factory: Any, sets: Iterable[LinkSet]) -> list[str]:
    """The permissions for everything with items and the members of their sets."""
    slugs = [factory.SLUG, *(factories()[links.module or links.name].SLUG for links in sets)]
    return [permission for slug in slugs for permission in everything(slug)]


def value_of(query: type[EntityQuery], item: dict[str, Any], column: str) -> Any:
    """What `item` shows of what it is filtered by: of a set, the first member."""
    for links in query.sets:
        if column in (links.key, name_filter(links.key)):
            return item[links.name][0]["id" if column == links.key else "name"]
    return item[column]["name"] if column in query.linked and item[column] else item[column]


def question(query: type[EntityQuery], name: str, item: dict[str, Any]) -> dict[str, Any]:
    """A value for the filter `name`: that of `item`, if it has one."""
    assert query.lists is not None
    column, suffix = read_name(table_of(query.lists), name)
    if suffix == "null":
        return {name: str(value_of(query, item, column) is None).lower()}
    value = value_of(query, item, column)
    currency = query.currencies.get(column)
    return {
        name: str(value).lower() if isinstance(value, bool) else value,
        **({currency: item[currency]} if currency else {}),
    }


def related_parameters(query: type[EntityQuery]) -> Iterator[str]:
    """The filters by rows of other tables, which tests of the module try."""
    for name, each in query.related.items():
        yield from dict(each.parameters(name))


@resources
async def test_every_filter_finds_what_it_says(signed_in_as: SignedInAs, factory: Any, resource: Resource) -> None:
    sets = resource.query.sets
    person = await signed_in_as(*permissions_for(factory, sets))
    item = await make(person, factory, *sets)
    await make(person, factory)
    excluding, including = ("_not", "_lt", "_gt", "_under"), ("_lte", "_gte", "_null")
    tried = 0

    for name in resource.query.model_fields.keys() - SHARED - set(related_parameters(resource.query)):
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
        wanted = {field: item[field] for field in item if field in ("id", MASKED, name)}
        assert (await person.get(f"{factory.PATH}/{item['id']}", params={"fields": name})).json() == wanted
        page = (await person.get(factory.PATH, params={"fields": name, "id": item["id"]})).json()
        assert page["items"] == [wanted]
    paths = (factory.PATH, f"{factory.PATH}/{item['id']}")
    assert statuses({path: await person.get(path, params={"fields": "x"}) for path in paths}) == dict.fromkeys(
        paths, 422
    )


@resources
async def test_a_summary_counts_what_the_list_has(signed_in_as: SignedInAs, factory: Any, resource: Resource) -> None:
    sets = resource.query.sets
    person = await signed_in_as(*permissions_for(factory, sets))
    stranger = await signed_in_as()
    await make(person, factory, *sets)
    total = (await person.get(factory.PATH, params={"total": "exact"})).json()["total"]
    path = f"{factory.PATH}/summary"

    for name in groupable(resource.query):
        answer = await person.get(path, params={"by": name})
        assert answer.status_code == 200, answer.text
        assert answer.json()["total"] == total == sum(group["count"] for group in answer.json()["items"])
        assert (await stranger.get(path, params={"by": name})).status_code == 403
    if not groupable(resource.query):
        assert (await person.get(path)).status_code in (404, 405)
