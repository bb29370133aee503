"""Requests that are refused: without credentials, malformed, for nothing that exists, in conflict."""

from scripts.replay.client import Client
from scripts.replay.items import BODIES, choose


async def call_without_credentials(client: Client) -> None:
    resource = choose(client.world)
    token = client.world.chance.choice([None, "nonsense", "ak_nonsense"])
    await client.send("no credentials", "POST", f"/{resource}", token=token, json=BODIES[resource](client.world))


async def send_invalid_fields(client: Client) -> None:
    resource = choose(client.world)
    body = client.world.chance.choice([{}, {"unknown": 1}, {"title": "", "name": "", "first_name": 3}])
    await client.send("invalid fields", "POST", f"/{resource}", json=body)


async def send_malformed_body(client: Client) -> None:
    resource = choose(client.world)
    content = client.world.chance.choice([b"{", b'{"title": "a", "title": "b"}', b"\xff\xfe"])
    headers = {"Content-Type": "application/json"}
    await client.send("malformed body", "POST", f"/{resource}", content=content, headers=headers)


async def call_nothing(client: Client) -> None:
    method = client.world.chance.choice(["GET", "POST", "PUT"])
    await client.send("nothing there", method, client.world.chance.choice(["/nothing", "/tasks/nothing", "/users/x/y"]))


async def create_twice(client: Client) -> None:
    """Create two items of which the second takes a unique value of the first."""
    resource = client.world.chance.choice(["customers", "brands", "categories", "products"])
    body = BODIES[resource](client.world)
    created = await client.send(f"create {resource}", "POST", f"/{resource}", json=body)
    if created:
        client.world.add(resource, created["id"])
        await client.send("create it twice", "POST", f"/{resource}", json=body)


async def be_late(client: Client) -> None:
    resource = choose(client.world)
    path = f"/{resource}/{client.world.any(resource)}"
    await client.send("a version of long ago", "DELETE", path, headers={"If-Match": '"4711"'})
