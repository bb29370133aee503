"""A caller whose permissions are for some rows learns nothing of the others, by any endpoint: they are not there."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi.routing import RouteContext, iter_route_contexts

from app.core.clock import now
from app.core.http.guards import RequiresPermission
from app.main import API, create_app
from tests.contract.resources import declared, folders
from tests.people import Person, SignedInAs

NOWHERE = "01890000-0000-7000-8000-000000000000"
STANDARD = ("read", "create", "update", "delete", "audit")
ENDLESS = {"/audit/feed/stream"}
"""It sends what `/audit/feed` sends."""
WHY = {"Audit-Reason": "Looking for something"}


def scoped() -> dict[str, tuple[Any, str]]:
    """The scopes of all modules, each with the factory of the module. One without is a mistake."""
    routers, factories = folders(), declared()
    modules = {folder: router.module for folder, router in routers.items() if router.module is not None}
    return {
        f"{folder}@{scope}": (factories[folder], scope) for folder, module in modules.items() for scope in module.scopes
    }


async def body_in_scope(factory: Any, person: Person) -> dict[str, Any]:
    """What a person creates in a scope: as any item, or as the factory says."""
    makes = getattr(factory, "body_in_scope", None)
    return dict(await makes(person) if makes else factory.body())


def operations() -> Iterator[tuple[str, str, RouteContext]]:
    for route in iter_route_contexts(create_app().routes):
        for method in sorted(route.methods or []):
            yield method, str(route.path_format).removeprefix(API), route


def permissions(slug: str, scope: str) -> tuple[str, ...]:
    """Everything in some rows of a module, and in all rows of every other but the audit log."""
    modules = {router.module.slug: router.module for router in folders().values() if router.module}
    own = [f"{slug}:{action}@{scope}" for action in (*STANDARD, *modules[slug].actions)]
    others = modules.keys() - {slug, "audit"}
    return (*own, *(f"{other}:{action}" for other in others for action in (*STANDARD, *modules[other].actions)))


@dataclass
class Scene:
    """A caller with one item, and two items of another user: one that is there, and one that was deleted."""

    slug: str
    caller: Person
    own: Mapping[str, Any]
    other: Mapping[str, Any]
    deleted: Mapping[str, Any]
    body: dict[str, Any]
    """What the item that is there was made of, but with references of the caller's."""

    @property
    def secrets(self) -> set[str]:
        """Values of the others that no answer may have: those that the caller's own item has not.

        What they refer to may be there by itself.
        """
        known = {str(value) for value in self.own.values()}
        items = (item for each in (self.other, self.deleted) for item in each.items())
        values = {str(value) for name, value in items if not name.endswith("_id")}
        return {value for value in values - known if len(value) >= 4 and not value.startswith("{")}


@pytest.fixture(params=scoped())
async def scene(request: pytest.FixtureRequest, signed_in_as: SignedInAs) -> Scene:
    factory, scope = scoped()[request.param]
    root = await signed_in_as(superuser=True)
    caller = await signed_in_as(*permissions(factory.SLUG, scope))
    mine, body = [await body_in_scope(factory, person) for person in (caller, root)]
    other = (await root.post(factory.PATH, body)).json()
    deleted = (await root.post(factory.PATH, await body_in_scope(factory, root))).json()
    assert (await root.delete(f"{factory.PATH}/{deleted['id']}")).status_code == 204
    own = await caller.post(factory.PATH, mine)
    assert own.status_code == 201, own.text
    body |= {name: value for name, value in mine.items() if name.endswith("_id")}
    return Scene(factory.SLUG, caller, own.json(), other, deleted, body)


def content(answer: httpx.Response, id: str) -> tuple[int, str, str | None]:
    """What an answer says, without the id that was asked for and the number of the request."""
    text = answer.text.replace(id, "ID").replace(id.replace("-", ""), "ID")
    text = re.sub(r'"request_id":"[^"]*"', "", text)
    return answer.status_code, text, answer.headers.get("ETag")


def bodies(scene: Scene, id: str) -> list[Any]:
    """Nothing, the values of the item, what a bulk request takes, and the point of a revert."""
    changes = {"update": [{"id": id, "changes": {}}]}
    return [None, {}, scene.body, changes, {"delete": [{"id": id}]}, {"at": now().isoformat()}, {"seq": 1}]


QUERIES: tuple[dict[str, str], ...] = (
    {},
    {"deleted": "only"},
    {"fields": "id"},
    {"at": "2090-01-01T00:00:00Z"},
    {"from": "2020-01-01T00:00:00Z"},
)


async def ask(scene: Scene, method: str, path: str, body: Any, query: Mapping[str, str], id: str) -> Any:
    options = {} if body is None else {"json": body}
    answer = await scene.caller.call(method, path.replace("{id}", id), params=query, headers=WHY, **options)
    return content(answer, id)


def questions(scene: Scene, id: str) -> Iterator[tuple[str, str, Any, Mapping[str, str]]]:
    """Every request to the module that names an item."""
    for method, path, _ in operations():
        reads = method in ("GET", "HEAD")
        for query in QUERIES if reads else QUERIES[:1]:
            for body in [None] if reads or method == "DELETE" else bodies(scene, id):
                if path.startswith(f"/{scene.slug}") and ("{id}" in path or id in json.dumps(body)):
                    yield method, path, body, query


async def test_an_item_outside_is_none_at_every_endpoint(scene: Scene) -> None:
    """Also for who changes it: not that it is there, nor that it was, nor its version."""
    asked = 0
    for other in (str(scene.other["id"]), str(scene.deleted["id"])):
        for real, none in zip(questions(scene, other), questions(scene, NOWHERE), strict=True):
            assert await ask(scene, *real, other) == await ask(scene, *none, NOWHERE), real
            asked += 1
    assert asked > 60


async def test_nothing_of_an_item_outside_is_in_any_answer(scene: Scene) -> None:
    """Lists, files, summaries, histories, and every other endpoint that reads, whatever it is asked for."""
    word = str(next(value for value in scene.body.values() if isinstance(value, str))).split()[0]
    queries: tuple[dict[str, str], ...] = (
        {},
        {"total": "exact"},
        {"deleted": "only"},
        {"q": word},
        {"format": "csv"},
        {"by": "status"},
    )
    filters = [{"id": scene.other["id"]}, {"id": scene.deleted["id"], "deleted": "only"}]
    read = 0
    # the audit log first: later it has the ids that the caller asked for
    for method, path, route in sorted(operations(), key=lambda each: not each[1].startswith("/audit")):
        guard = getattr(route.original_route, "guard", None)
        if method != "GET" or not isinstance(guard, RequiresPermission) or path in ENDLESS:
            continue
        for query in (*queries, *filters):
            answer = await scene.caller.get(path.replace("{id}", str(scene.own["id"])), params=query)
            text = f"{answer.text} {answer.headers}"
            told = {secret for secret in scene.secrets if secret in text} - set(query.values())
            assert not told, f"{path} {query} tells {told}"
            read += answer.status_code == 200
    assert read > 60


async def test_numbers_count_the_own_rows(scene: Scene) -> None:
    listed = (await scene.caller.get(f"/{scene.slug}", params={"total": "exact"})).json()
    deleted = (await scene.caller.get(f"/{scene.slug}", params={"total": "true", "deleted": "only"})).json()
    summary = (await scene.caller.get(f"/{scene.slug}/summary", params={"by": "status"})).json()
    file = (await scene.caller.get(f"/{scene.slug}", params={"format": "ndjson"})).text.splitlines()

    assert [item["id"] for item in listed["items"]] == [scene.own["id"]]
    assert (listed["total"], deleted["total"], summary["total"], summary["groups"], len(file)) == (1, 0, 1, 1, 1)


async def upload(scene: Scene, rows: list[dict[str, Any]], **query: str) -> httpx.Response:
    lines = "\n".join(json.dumps(row) for row in rows)
    headers = {"Content-Type": "application/x-ndjson"}
    path = f"/{scene.slug}/import"
    return await scene.caller.call("POST", path, content=lines, headers=headers, params=query)


@pytest.mark.parametrize("mode", ["update", "upsert"])
@pytest.mark.parametrize("dry_run", ["true", "false"])
async def test_an_import_knows_no_item_outside(scene: Scene, mode: str, dry_run: str) -> None:
    for item in (scene.other, scene.deleted):
        answers = [
            content(await upload(scene, [{**scene.body, "id": wanted}], mode=mode, dry_run=dry_run), str(wanted))
            for wanted in (item["id"], NOWHERE)
        ]

        assert answers[0] == answers[1]
        assert answers[0][0] == (200 if dry_run == "true" else 422), answers[0]


async def test_a_value_that_is_taken_is_taken_and_no_more_is_told(scene: Scene) -> None:
    """A module without unique values creates another item."""
    created = await scene.caller.post(f"/{scene.slug}", scene.body)
    upserted = await upload(scene, [scene.body], mode="upsert")
    changed = await upload(scene, [scene.body], mode="update")

    assert created.status_code in (201, 409)
    assert (upserted.status_code == 200) == (created.status_code == 201)
    assert changed.status_code == 422
    for answer in (created, upserted, changed):
        assert str(scene.other["id"]) not in answer.text
