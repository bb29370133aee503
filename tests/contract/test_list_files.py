"""Every list that the application has is also a file, whatever its items hold."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from fastapi.routing import iter_route_contexts

from app.main import API, create_app
from tests.answers import statuses
from tests.contract.resources import factories
from tests.people import Person, SignedInAs

REQUIRED = {"/rbac/who-can": {"permission": "roles:read"}}
"""Query parameters without which a list is refused."""


def list_paths() -> Iterator[str]:
    """The paths of all lists but the two logs, which write files of sealed entries by themselves."""
    for context in iter_route_contexts(create_app().routes):
        route = context.original_route
        if getattr(route, "item", None) is not None and not getattr(route, "writes_files", False):
            yield str(context.path_format).removeprefix(API)


async def stored_ids(root: Person) -> dict[str, str]:
    """The id of one item of each module that has a factory, and of webhooks, by the first part of its paths."""
    created = {one.SLUG: await root.post(one.PATH, one.body()) for one in factories().values()}
    webhook = {"name": "Any", "url": "https://any.example/", "event_types": ["*"]}
    created["webhooks"] = await root.post("/webhooks", webhook)
    assert statuses(created) == dict.fromkeys(created, 201)
    grant = {"module_slug": "roles", "can_create": True, "can_update": True, "can_delete": False, "can_audit": False}
    await root.put(f"/roles/{created['roles'].json()['id']}/modules", {"modules": [grant]})
    await root.put(f"/users/{root.id}/roles", {"role_ids": [created["roles"].json()["id"]]})
    return {slug: answer.json()["id"] for slug, answer in created.items()} | {"users": str(root.id)}


async def ask(root: Person, path: str, ids: dict[str, str], kind: str) -> Any:
    """A list as a file of a media type."""
    found = ids.get(path.split("/")[1], str(root.id))
    place = path.replace("{id}", found).replace("{user_id}", found)
    return await root.get(place, params=REQUIRED.get(path, {}), headers={"Accept": kind})


async def test_every_list_is_a_file(signed_in_as: SignedInAs) -> None:
    """Regression: a list whose items hold lists of objects was an internal error as CSV."""
    root = await signed_in_as(superuser=True)
    ids, paths = await stored_ids(root), list(list_paths())

    tables = {path: await ask(root, path, ids, "text/csv") for path in paths}
    lines = {path: await ask(root, path, ids, "application/x-ndjson") for path in paths}

    assert statuses(tables) == statuses(lines) == dict.fromkeys(paths, 200)
    assert len(paths) >= 29
    for path in ("/rbac/who-can", "/roles/matrix"):
        rows = list(csv.DictReader(io.StringIO(tables[path].text)))
        documents = [json.loads(line) for line in lines[path].text.splitlines()]
        field = {"/rbac/who-can": "reasons", "/roles/matrix": "modules"}[path]
        assert [json.loads(row[field]) for row in rows] == [document[field] for document in documents]
        assert any(document[field] for document in documents)
