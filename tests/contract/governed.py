"""What a caller may not read: every module with such fields, and every question about them."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
from sqlalchemy import Table
from sqlmodel import SQLModel

from app.core.db.declared_filters import read_name
from app.core.db.field_rules import MASKED, rules_of
from app.core.db.filter_query import EntityFilterQuery
from app.core.db.group_query import groupable
from app.core.db.pagination import EntityQuery
from tests.contract.resources import declared, everything
from tests.people import Person

CSV, NDJSON = "text/csv", "application/x-ndjson"
MOVING = re.compile(
    r"[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\dT[\d:.]+Z"
    r"|\"version\":\d+|\"[\d.]+\"|\"next_cursor\":\"[^\"]+\""
)
"""What differs between two answers that say the same: ids, instants, versions, entity tags and cursors."""


def table_of(resource: Any) -> Table:
    return SQLModel.metadata.tables[resource.ENTITY]


def governed() -> dict[str, Any]:
    """The factories of modules with fields that need an action to be read."""
    return {folder: resource for folder, resource in declared().items() if rules_of(table_of(resource)).read}


def names_of(resource: Any) -> list[str]:
    """The fields of a module that need an action to be read."""
    rules = rules_of(table_of(resource))
    return [name for name in rules.names if any(name in shown for shown in rules.read.values())]


def all_but_reading(resource: Any, *others: str) -> tuple[str, ...]:
    """Every permission of a module, except for those to read fields."""
    return (
        *sorted({*everything(resource.SLUG), f"{resource.SLUG}:audit"} - {*rules_of(table_of(resource)).read}),
        *others,
    )


def texts_of(values: dict[str, Any]) -> set[str]:
    """The texts in `values`, and what a document has of them."""
    texts = {text for value in values.values() for text in (value.values() if isinstance(value, dict) else [value])}
    return {str(text) for text in texts if len(str(text)) > 3}


def query_of(resource: Any) -> type[EntityQuery]:
    return next(kind for kind in subclasses(EntityQuery) if kind.lists and kind.lists.__tablename__ == resource.ENTITY)


def subclasses(kind: type[Any]) -> Iterator[type[Any]]:
    for below in kind.__subclasses__():
        yield below
        yield from subclasses(below)


def questions(resource: Any, values: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(path below the list, parameters) of every way to ask by a field that the caller may not read."""
    query, names, table = query_of(resource), names_of(resource), table_of(resource)
    for name in names:
        if name in query.sortable:
            yield from (("", {"sort": f"{sign}{name}"}) for sign in ("", "-"))
        if name in groupable(query):
            yield "/summary", {"by": name}
        if name in query.measures:
            yield "/summary", {"by": next(iter(groupable(query))), "sum": name}
    for parameter in query.model_fields:
        column = read_name(table, parameter).column
        if column in names and parameter not in EntityFilterQuery.model_fields:
            value = values[column] if parameter == column or not parameter.endswith("_null") else "true"
            yield "", {parameter: value}
            yield "", {parameter: value, "total": "exact"}
            yield "/summary", {"by": next(iter(groupable(query))), parameter: value}
    for text in sorted(texts_of(values)):
        yield "", {"q": text}
        yield "/summary", {"by": next(iter(groupable(query))), "q": text}


async def shown(person: Person, resource: Any, item: str) -> dict[str, httpx.Response]:
    """Every answer that shows items, by the name of its request."""
    path, one = resource.PATH, f"{resource.PATH}/{item}"
    names = ",".join(names_of(resource))
    return {
        "list": await person.get(path),
        "page": await person.get(path, params={"limit": 1, "total": "exact", "sort": "-updated_at"}),
        "some fields of a list": await person.get(path, params={"fields": names}),
        "one": await person.get(one),
        "some fields": await person.get(one, params={"fields": names}),
        "head": await person.call("HEAD", one),
        "csv": await person.get(path, headers={"Accept": CSV}),
        "ndjson": await person.get(path, headers={"Accept": NDJSON}),
        "importable": await person.get(path, params={"columns": "importable"}, headers={"Accept": CSV}),
        "summary": await person.get(f"{path}/summary", params={"by": groupable(query_of(resource))[0]}),
    }


async def writes(person: Person, resource: Any, item: str, values: dict[str, Any]) -> dict[str, httpx.Response]:
    """Every way to send values of fields, in a new item and in one that exists."""
    path, whole = resource.PATH, {**resource.body(), **values}
    found = {
        "create": await person.post(path, whole),
        "bulk create": await person.post(f"{path}/bulk", {"create": [whole]}),
        "update": await person.patch(f"{path}/{item}", values),
        "bulk update": await person.post(f"{path}/bulk", {"update": [{"id": item, "changes": values}]}),
    }
    for mode, row in (
        ("create", whole),
        ("upsert", whole),
        ("update", whole),
        ("update", {"id": item, **values}),
        ("upsert", {"id": item, **values}),
    ):
        for dry_run in ("true", "false"):
            for on_error in ("abort", "stop"):
                query = {"mode": mode, "dry_run": dry_run, "on_error": on_error}
                name = f"{mode} {'id' if 'id' in row else 'key'} {dry_run} {on_error}"
                found[name] = await send(person, f"{path}/import", row, query)
    return found


async def send(person: Person, path: str, row: dict[str, Any], query: dict[str, str]) -> httpx.Response:
    content = json.dumps(row).encode()
    return await person.post(path, content=content, params=query, headers={"Content-Type": NDJSON})


def says(answer: httpx.Response) -> tuple[int, str, str]:
    """What an answer says, without what differs by itself."""
    return answer.status_code, MOVING.sub("…", answer.text), MOVING.sub("…", answer.headers.get("etag", ""))


def masked_fields(answer: httpx.Response) -> list[str]:
    found: list[str] = answer.json()[MASKED]
    return found
