"""Operations on tasks, customers, brands, categories and products."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from scripts.replay.client import Client
from scripts.replay.world import World

Body = dict[str, Any]


def task(world: World) -> Body:
    return {
        "title": world.words(),
        "description": world.chance.choice([None, world.words(5)]),
        "status": world.chance.choice(["todo", "in_progress", "done", "cancelled"]),
        "priority": world.chance.choice(["low", "normal", "high", "urgent"]),
        "due_date": world.chance.choice([None, "2031-02-28", "2032-02-29"]),
        "assignee_id": world.any_or_none("users"),
    }


def customer(world: World) -> Body:
    address = {"line1": world.words(), "city": world.words(1), "country": world.chance.choice(["DE", "PT", "JP"])}
    return {
        "first_name": world.words(1),
        "last_name": world.words(1),
        "email": f"{uuid4().hex[:12]}@example.com",
        "phone": world.chance.choice([None, "+4930901820"]),
        "birth_date": world.chance.choice([None, "1980-02-29"]),
        "company": world.chance.choice([None, world.words()]),
        "address": world.chance.choice([None, address]),
        "notes": world.chance.choice([None, world.words(6)]),
        "status": world.chance.choice(["active", "blocked"]),
    }


def brand(world: World) -> Body:
    return {"name": f"{world.words()} {uuid4().hex[:6]}", "description": world.chance.choice([None, world.words(4)])}


def category(world: World) -> Body:
    return {**brand(world), "parent_id": world.any_or_none("categories")}


def product(world: World) -> Body:
    return {
        "sku": f"P-{uuid4().hex[:10]}",
        "name": world.words(3),
        "description": world.chance.choice([None, world.words(5)]),
        "price": f"{world.chance.randrange(0, 10**6) / 100:.2f}",
        "currency": world.chance.choice(["EUR", "USD"]),
        "status": world.chance.choice(["draft", "active", "archived"]),
        "brand_id": world.any_or_none("brands"),
        "category_id": world.any_or_none("categories"),
    }


BODIES: dict[str, Callable[[World], Body]] = {
    "tasks": task,
    "customers": customer,
    "brands": brand,
    "categories": category,
    "products": product,
}


def choose(world: World) -> str:
    return world.chance.choice(list(BODIES))


def some_fields(world: World, body: Body) -> Body:
    """A part of a body, for an update."""
    names = world.chance.sample(sorted(body), world.chance.randint(1, len(body)))
    if "price" in names or "currency" in names:
        names = sorted({*names, "price", "currency"})
    return {name: body[name] for name in names}


async def create(client: Client) -> None:
    resource = choose(client.world)
    body, headers = BODIES[resource](client.world), {}
    if client.world.is_lucky(0.3):
        headers = {"Idempotency-Key": uuid4().hex}
        client.world.repeatable.append((f"/{resource}", body, headers["Idempotency-Key"]))
    if client.world.is_lucky(0.2):
        headers["Audit-Reason"] = "ordered by telephone"
    created = await client.send(f"create {resource}", "POST", f"/{resource}", json=body, headers=headers)
    if created:
        client.world.add(resource, created["id"])


async def repeat(client: Client) -> None:
    """Send a request with an idempotency key again; one in five with another body."""
    if not client.world.repeatable:
        return
    path, body, key = client.world.chance.choice(client.world.repeatable[-50:])
    if client.world.is_lucky(0.2):
        body = {**body, "description": uuid4().hex}
    await client.send("repeat with the same key", "POST", path, json=body, headers={"Idempotency-Key": key})


async def update(client: Client) -> None:
    resource = choose(client.world)
    item, world = client.world.any(resource), client.world
    body = some_fields(world, BODIES[resource](world))
    headers = {"If-Match": f'"{world.chance.choice([1, 1, 2, 99])}"'} if world.is_lucky(0.3) else {}
    await client.send(f"update {resource}", "PATCH", f"/{resource}/{item}", json=body, headers=headers)


async def delete_or_restore(client: Client) -> None:
    resource = choose(client.world)
    path = f"/{resource}/{client.world.any(resource)}"
    if client.world.is_lucky(0.5):
        await client.send(f"delete {resource}", "DELETE", path)
    else:
        await client.send(f"restore {resource}", "POST", f"{path}/restore")


async def revert(client: Client) -> None:
    """Revert an item to an instant of its history; half of the time as a dry run."""
    resource = choose(client.world)
    path = f"/{resource}/{client.world.any(resource)}"
    history = await client.send("read a history", "GET", f"{path}/history", params={"limit": "5"})
    if not history or not history["items"]:
        return
    params = {"dry_run": "true"} if client.world.is_lucky(0.5) else {}
    at = client.world.chance.choice(history["items"])["at"]
    headers = {"Audit-Reason": "as it was"} if client.world.is_lucky(0.9) else {}
    kind = f"revert {resource}"
    await client.send(kind, "POST", f"{path}/revert", json={"at": at}, params=params, headers=headers)


async def change_in_bulk(client: Client) -> None:
    resource, world = choose(client.world), client.world
    build = BODIES[resource]
    known = list(dict.fromkeys(world.any(resource) for _ in range(4)))
    body = {
        "create": [build(world) for _ in range(world.chance.randint(0, 5))],
        "update": [{"id": item, "changes": some_fields(world, build(world))} for item in known[:2]],
        "delete": [{"id": item} for item in known[2:] if world.is_lucky(0.3)],
    }
    await client.send(f"bulk of {resource}", "POST", f"/{resource}/bulk", json=body)


async def import_file(client: Client) -> None:
    resource, world = choose(client.world), client.world
    rows = [BODIES[resource](world) for _ in range(world.chance.randint(1, 12))]
    if world.is_lucky(0.3):
        rows.append({"nothing": "valid"})
    content = "\n".join(json.dumps(row) for row in rows).encode()
    params = {"on_error": world.chance.choice(["abort", "stop"])}
    params |= {"dry_run": "true"} if world.is_lucky(0.3) else {}
    headers = {"Content-Type": "application/x-ndjson"}
    path = f"/{resource}/import"
    await client.send(f"import {resource}", "POST", path, content=content, params=params, headers=headers)


async def move_stock(client: Client) -> None:
    path = f"/products/{client.world.any('products')}/stock-movements"
    delta = client.world.chance.choice([5, 12, -3, -1000])
    await client.send("move stock", "POST", path, json={"delta": delta, "reason": client.world.words()})


async def read(client: Client) -> None:
    resource = choose(client.world)
    path = client.world.chance.choice([f"/{resource}", f"/{resource}/{client.world.any(resource)}", "/audit/changes"])
    await client.send("read", "GET", path, params={"limit": "5"} if "/" not in path[1:] else {})


async def export(client: Client) -> None:
    resource = choose(client.world)
    await client.send("export", "GET", f"/{resource}", headers={"Accept": "text/csv"})


async def vanish(client: Client) -> None:
    """Go away from a write, a bulk change or an export, before its response."""
    resource, world = choose(client.world), client.world
    build, part = BODIES[resource], world.chance.choice([0.5, 1.0, 1.0, 1.0])
    way = world.chance.randrange(3)
    if way == 0:
        await client.vanish("vanish from a create", "POST", f"/{resource}", build(world), part=part)
    elif way == 1:
        bulk = {"create": [build(world) for _ in range(20)]}
        await client.vanish("vanish from a bulk", "POST", f"/{resource}/bulk", bulk, part=part)
    else:
        await client.vanish("vanish from an export", "GET", f"/{resource}", None, part=1.0)
