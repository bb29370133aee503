"""`x-resource` of the document is true, of every list: what it says of orders, references and transitions holds."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from app.main import app as served
from tests.contract.resources import declared, everything
from tests.people import Person, SignedInAs

NOWHERE = "01890000-0000-7000-8000-000000000000"
DOCUMENT = served.openapi()
LISTS = {
    path.removeprefix("/api/v1"): item["get"]["x-resource"]
    for path, item in DOCUMENT["paths"].items()
    if "x-resource" in item.get("get", {})
}
MINE = {"/users", "/audit/actors"}
"""Lists of which the caller is an item."""
ASKED = {"/rbac/who-can": {"permission": "tasks:read"}}
"""Parameters that a list requires."""
OTHER_BODIES = {"/webhooks": {"name": "Any", "url": "https://any.example/", "event_types": ["*"]}}
"""Items of modules without all of the usual requests."""
resources = pytest.mark.parametrize("resource", declared().values(), ids=list(declared()))


def fields_of(schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["properties"]
    return found


def items_of(path: str) -> dict[str, Any]:
    """The fields of an item of a list."""
    content = DOCUMENT["paths"][f"/api/v1{path}"]["get"]["responses"]["200"]["content"]
    return fields_of(fields_of(content["application/json"]["schema"])["items"]["items"])


def test_every_list_has_it() -> None:
    pages = {
        path.removeprefix("/api/v1")
        for path, item in DOCUMENT["paths"].items()
        if item.get("get", {}).get("responses", {}).get("200", {}).get("content", {}).keys() >= {"text/csv"}
    } - {"/downloads/file", "/transfers/{id}/file"}

    assert pages == LISTS.keys()
    assert len(LISTS) > 30


def test_lists_and_references_have_names_of_their_own() -> None:
    top = [each["slug"] for each in LISTS.values() if "of" not in each]

    assert len(top) == len(set(top))
    assert {slug for each in LISTS.values() for slug in each.get("references", {}).values()} <= set(top)


def needed_for(action: str, access: dict[str, Any]) -> list[list[str]] | None:
    """What an operation asks, by `x-access`: an export is the list with a format, which may ask readers for more."""
    more = access.get("byParameter", {}).get("format", {}).get("csv", []) if action == "export" else []
    needed = access.get("anyOf")
    return needed and [names if names == ["audit:read"] else [*names, *more] for names in needed]


@pytest.mark.parametrize("path", LISTS)
def test_what_it_names_is_in_the_document(path: str) -> None:
    each, fields = LISTS[path], items_of(path)

    assert each.get("title", next(iter(fields))) in fields
    assert all(name in fields or name.removesuffix("_id") in fields or name.endswith("_ids")
               for name in each.get("references", {}))  # fmt: skip
    assert each.get("fieldRules", {}).keys() <= fields.keys()
    for name, action in each.get("actions", {}).items():
        operation = DOCUMENT["paths"][action["path"]][action["method"]]
        assert operation["operationId"] == action["operationId"]
        assert needed_for(name, operation["x-access"]) == action.get("anyOf")


@resources
async def test_a_search_needs_what_is_declared_and_no_more(signed_in_as: SignedInAs, resource: Any) -> None:
    read, needed = f"{resource.SLUG}:read", LISTS[resource.PATH].get("searchNeeds", [])
    enough = await signed_in_as(read, *needed)
    assert (await enough.get(resource.PATH, params={"q": "word"})).status_code == 200

    for missing in needed:
        lacking = await signed_in_as(read, *(each for each in needed if each != missing))
        assert (await lacking.get(resource.PATH, params={"q": "word"})).status_code == 403


def test_the_search_of_customers_needs_their_personal_data() -> None:
    assert LISTS["/customers"]["searchNeeds"] == ["customers:read-personal"]
    assert "searchNeeds" not in LISTS["/products"]


@pytest.mark.parametrize("path", LISTS)
async def test_it_is_sorted_by_what_is_declared_and_by_nothing_else(signed_in_as: SignedInAs, path: str) -> None:
    person = await signed_in_as(superuser=True)
    address, asked = await address_of(person, path), ASKED.get(path, {})

    for name in LISTS[path]["sortable"]:
        answer = await person.get(address, params={**asked, "sort": f"-{name}"})
        assert answer.status_code == 200, f"{name}: {answer.text}"
    for name in {*items_of(path), "version"} - set(LISTS[path]["sortable"]):
        answer = await person.get(address, params={**asked, "sort": name})
        assert answer.status_code == 422, name
        assert answer.json()["errors"][0]["pointer"] == "/query/sort"
    assert set(re.findall(r"\w+", LISTS[path]["defaultSort"])) <= set(LISTS[path]["sortable"])


async def address_of(person: Person, path: str) -> str:
    """The path of a list, below an item that is there."""
    above, _, rest = path.partition("/{")
    if not rest:
        return path
    if above in MINE:
        item = str(person.id)
    else:
        body = next(
            (each.body() for each in declared().values() if above == each.PATH),
            OTHER_BODIES.get(above, {"name": "Any"}),
        )
        item = (await person.post(above, body)).json()["id"]
    return f"{above}/{item}/{rest.partition('}/')[2]}"


@resources
async def test_entity_and_title_are_those_of_an_item(signed_in_as: SignedInAs, resource: Any) -> None:
    person = await signed_in_as(*everything(resource.SLUG), "audit:read")
    item = (await person.post(resource.PATH, resource.body())).json()
    facts = LISTS[resource.PATH]

    (change,) = (await person.get("/audit/changes", params={"entity_id": item["id"]})).json()["items"]

    assert change["entity"] == facts["entity"]
    assert isinstance(item[facts["title"]], str)
    assert facts["slug"] == resource.SLUG


@resources
async def test_references_are_to_items_of_the_list_that_is_named(signed_in_as: SignedInAs, resource: Any) -> None:
    person = await signed_in_as(superuser=True)
    item = (await person.post(resource.PATH, resource.body())).json()
    facts, update = LISTS[resource.PATH], DOCUMENT["paths"][f"/api/v1{resource.PATH}/{{id}}"]["patch"]["requestBody"]
    fields = fields_of(update["content"]["application/json"]["schema"])

    author = await person.get(f"/{facts['references']['created_by_id']}/{item['created_by']['id']}")
    assert author.json()["username"] == person.username
    for name in facts["references"].keys() & fields.keys():
        target = await id_in(person, facts["references"][name])
        value = [target] if name.endswith("_ids") else target
        nowhere = [NOWHERE] if name.endswith("_ids") else NOWHERE
        assert (await person.patch(f"{resource.PATH}/{item['id']}", {name: value})).status_code == 200, name
        assert (await person.patch(f"{resource.PATH}/{item['id']}", {name: nowhere})).status_code == 422, name
    assert facts["references"].keys() >= {name for name in fields if name.endswith(("_id", "_ids"))}


async def id_in(person: Person, slug: str) -> str:
    """The id of an item of a list."""
    body = next((each.body() for each in declared().values() if slug == each.SLUG), None)
    return str((await person.post(f"/{slug}", body)).json()["id"] if body else person.id)


def transitions() -> Iterator[Any]:
    for resource in declared().values():
        for field, rules in LISTS[resource.PATH].get("transitions", {}).items():
            yield pytest.param(resource, field, rules, id=f"{resource.SLUG}-{field}")


@pytest.mark.parametrize(("resource", "field", "rules"), list(transitions()))
async def test_values_follow_others_as_declared(
    signed_in_as: SignedInAs, resource: Any, field: str, rules: dict[str, list[str]]
) -> None:
    person = await signed_in_as(*everything(resource.SLUG))

    for start, following in rules.items():
        for end in rules.keys() - {start}:
            item = (await person.post(resource.PATH, {**resource.body(), field: start})).json()
            answer = await person.patch(f"{resource.PATH}/{item['id']}", {field: end})
            assert answer.status_code == (200 if end in following else 409), (start, end)


@resources
async def test_files_history_and_imports_are_there(signed_in_as: SignedInAs, resource: Any) -> None:
    person = await signed_in_as(*everything(resource.SLUG))
    item = (await person.post(resource.PATH, resource.body())).json()
    facts = LISTS[resource.PATH]

    for kind in facts["export"]:
        answer = await person.get(resource.PATH, headers={"Accept": kind})
        assert answer.headers["content-type"].startswith(kind)
    for mode in facts.get("import", ()):
        options: dict[str, Any] = {"params": {"mode": mode}, "headers": {"Content-Type": "application/x-ndjson"}}
        answer = await person.post(f"{resource.PATH}/import", content=b"{}\n", **options)
        assert answer.status_code != 404
        assert "/query/mode" not in answer.text
    history = await person.get(f"{resource.PATH}/{item['id']}/history")
    assert (history.status_code == 200) is facts.get("history", False)


def test_labels_are_words() -> None:
    schemas = DOCUMENT["components"]["schemas"]

    assert schemas["TaskRead"]["properties"]["assignee_id"]["title"] == "Assignee"
    assert schemas["TaskStatus"]["x-enum-titles"]["in_progress"] == "In progress"
    for name, schema in schemas.items():
        for field, node in schema.get("properties", {}).items():
            assert name in ("Problem", "Preview") or (node["title"] and "_" not in node["title"]), f"{name}.{field}"
        texts = [value for value in schema.get("enum", ()) if isinstance(value, str)]
        assert list(schema.get("x-enum-titles", {})) == texts, name
