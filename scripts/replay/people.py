"""Operations on users, roles, grants, sessions, API keys and second factors."""

from typing import Any
from uuid import uuid4

import pyotp

from scripts.replay.client import Client
from scripts.replay.world import Person, World

ACTIONS = ("can_create", "can_update", "can_delete", "can_audit")


def new_password() -> str:
    return f"copper-lantern-{uuid4().hex[:10]}"


def choose(world: World) -> Person | None:
    return world.chance.choice(world.people) if world.people else None


async def create_user(client: Client) -> None:
    world, name = client.world, f"user-{uuid4().hex[:10]}"
    body: dict[str, Any] = {"username": name, "email": f"{name}@example.com", "first_name": world.words(1)}
    password = new_password()
    body |= {"is_service": True} if world.is_lucky(0.2) else {"password": password}
    params = {"dry_run": "true"} if world.is_lucky(0.1) else {}
    created = await client.send("create users", "POST", "/users", json=body, params=params)
    if created and not params:
        world.add("users", created["id"])
        if "password" in body:
            world.people.append(person := Person(created["id"], name, password))
            await employ(client, person)


async def employ(client: Client, person: Person) -> None:
    """Give a new user a role with grants, so that not all of its requests are refused, and sign it in."""
    name = f"clerks {uuid4().hex[:6]}"
    role = await client.send("create roles", "POST", "/roles", json={"name": name})
    if role:
        client.world.add("roles", role["id"])
        flags = {"module_slug": "tasks", "can_create": True, "can_update": True}
        await client.send("set grants", "PUT", f"/roles/{role['id']}/modules", json={"modules": [flags]})
        await client.send("assign roles", "PUT", f"/users/{person.id}/roles", json={"role_ids": [role["id"]]})
    data = {"username": person.username, "password": person.password}
    pair = await client.send("sign in", "POST", "/auth/token", token=None, data=data)
    if pair:
        person.access, person.refresh = pair["access_token"], pair["refresh_token"]
        await replace_password(client, person, person.password)


async def update_user(client: Client) -> None:
    world = client.world
    body = world.chance.choice(
        [{"first_name": world.words(1)}, {"last_name": world.words(1)}, {"is_active": world.is_lucky(0.7)}]
    )
    params = {"dry_run": "true"} if world.is_lucky(0.2) else {}
    await client.send("update users", "PATCH", f"/users/{world.any('users')}", json=body, params=params)


async def administer_user(client: Client) -> None:
    """Delete, restore, unlock, invite or sign out a user, reset a password or remove a factor."""
    path = f"/users/{client.world.any('users')}"
    method, rest = client.world.chance.choice(
        [
            ("DELETE", ""),
            ("POST", "/restore"),
            ("POST", "/restore"),
            ("POST", "/unlock"),
            ("POST", "/password"),
            ("POST", "/invitation"),
            ("DELETE", "/sessions"),
            ("DELETE", "/second-factor"),
        ]
    )
    await client.send(f"{method} a user{rest}", method, f"{path}{rest}")


async def sign_in(client: Client) -> None:
    person = choose(client.world)
    if person is None:
        return
    data = {"username": person.username, "password": person.password}
    if client.world.is_lucky(0.3):
        data |= {"password": new_password()}
    if person.recovery_codes and client.world.is_lucky(0.8):
        data["code"] = person.recovery_codes.pop()
    pair = await client.send("sign in", "POST", "/auth/token", token=None, data=data)
    if pair:
        person.access, person.refresh = pair["access_token"], pair["refresh_token"]


async def sign_in_unknown(client: Client) -> None:
    data = {"username": uuid4().hex, "password": "wrong"}
    await client.send("sign in as a stranger", "POST", "/auth/token", token=None, data=data)


async def refresh(client: Client) -> None:
    person = choose(client.world)
    if person is None or person.refresh is None:
        return
    used, body = person.refresh, {"refresh_token": person.refresh}
    pair = await client.send("refresh", "POST", "/auth/token/refresh", token=None, json=body)
    if pair:
        person.access, person.refresh = pair["access_token"], pair["refresh_token"]
        person.spent.append(used)


async def use_old_token(client: Client) -> None:
    """Refresh with a token that was used long ago, as a thief would."""
    person = choose(client.world)
    if person is None or len(person.spent) < 2:
        return
    body = {"refresh_token": person.spent[0]}
    await client.send("use an old refresh token", "POST", "/auth/token/refresh", token=None, json=body)


async def sign_out(client: Client) -> None:
    person = choose(client.world)
    if person is None or person.access is None:
        return
    path = client.world.chance.choice(["/auth/logout", "/auth/logout-all"])
    await client.send("sign out", "POST", path, token=person.access)


async def change_password(client: Client) -> None:
    person = choose(client.world)
    if person is None or person.access is None:
        return
    await replace_password(client, person, person.password if client.world.is_lucky(0.7) else "wrong")


async def replace_password(client: Client, person: Person, current: str) -> None:
    fresh = new_password()
    body = {"current_password": current, "new_password": fresh}
    done = await client.send("change the password", "POST", "/auth/me/password", token=person.access, json=body)
    if done is not None:
        person.password = fresh


async def change_profile(client: Client) -> None:
    person = choose(client.world)
    if person is None or person.access is None:
        return
    body = {"last_name": client.world.words(1)}
    await client.send("change the profile", "PATCH", "/auth/me", token=person.access, json=body)


async def act_as_person(client: Client) -> None:
    """Read or create as a user or with an API key, which is refused where no role grants it."""
    person = choose(client.world)
    if person is None:
        return
    key = client.world.chance.choice(person.keys)[1] if person.keys and client.world.is_lucky(0.5) else None
    token = key or person.access or "no-token"
    if client.world.is_lucky(0.5):
        await client.send("read as a user", "GET", "/tasks", token=token)
    else:
        body = {"title": client.world.words()}
        await client.send("create as a user", "POST", "/tasks", token=token, json=body)


async def create_role(client: Client) -> None:
    body = {"name": f"{client.world.words()} {uuid4().hex[:6]}", "sort_order": client.world.chance.randint(0, 9)}
    created = await client.send("create roles", "POST", "/roles", json=body)
    if created:
        client.world.add("roles", created["id"])


async def change_role(client: Client) -> None:
    """Update, delete or restore a role, or go back to an earlier version of the policy."""
    world, path = client.world, f"/roles/{client.world.any('roles')}"
    params = {"dry_run": "true"} if world.is_lucky(0.2) else {}
    way = world.chance.randrange(5)
    if way < 2:
        body = {"description": world.words(4), "is_active": world.is_lucky(0.8)}
        await client.send("update roles", "PATCH", path, json=body, params=params)
    elif way == 2:
        await client.send("delete roles", "DELETE", path, params=params)
    elif way == 3:
        await client.send("restore roles", "POST", f"{path}/restore", params=params)
    else:
        versions = await client.send("read versions", "GET", "/rbac/versions", params={"limit": "5"})
        if versions and versions["items"]:
            number = world.chance.choice(versions["items"])["id"]
            await client.send("roll back", "POST", f"/rbac/versions/{number}/rollback", params=params)


def grants(world: World) -> list[dict[str, Any]]:
    chosen = world.chance.sample(world.modules, world.chance.randint(0, 4))
    return [{"module_slug": slug, **{action: world.is_lucky(0.5) for action in ACTIONS}} for slug in chosen]


async def change_grants(client: Client) -> None:
    world = client.world
    params = {"dry_run": "true"} if world.is_lucky(0.2) else {}
    if world.is_lucky(0.7):
        path, body = f"/roles/{world.any('roles')}/modules", {"modules": grants(world)}
        await client.send("set grants", "PUT", path, json=body, params=params)
    else:
        roles = list({world.any("roles") for _ in range(2)})
        edit = {"roles": [{"role_id": role, "modules": grants(world)} for role in roles]}
        await client.send("edit the matrix", "PATCH", "/roles/matrix", json=edit, params=params)


async def assign_roles(client: Client) -> None:
    world, path = client.world, f"/users/{client.world.any('users')}/roles"
    roles = list({world.any("roles") for _ in range(world.chance.randint(0, 3))})
    terms = {"valid_until": "2040-01-01T00:00:00Z", "reason": world.words(3)}
    body = {"assignments": [{"role_id": role, **(terms if world.is_lucky(0.5) else {})} for role in roles]}
    params = {"dry_run": "true"} if world.is_lucky(0.2) else {}
    await client.send("assign roles", "PUT", path, json=body, params=params)


async def change_holders(client: Client) -> None:
    """Give a role to some users, and take it from others."""
    world, chosen = client.world, list({client.world.any("users") for _ in range(4)})
    body = {"assign": chosen[:2], "unassign": chosen[2:], "reason": world.words(3)}
    params = {"dry_run": "true"} if world.is_lucky(0.2) else {}
    await client.send("change holders", "POST", f"/roles/{world.any('roles')}/users", json=body, params=params)


async def change_modules(client: Client) -> None:
    """Rename a module or a group of modules."""
    resource = client.world.chance.choice(["modules", "module-groups"])
    listed = await client.send("read modules", "GET", f"/{resource}")
    if listed:
        item = client.world.chance.choice(listed["items"])
        icon = client.world.chance.choice(["", "box", "feather", "warehouse"])
        body = {"icon": icon, "sort_order": client.world.chance.randint(0, 9)}
        await client.send(f"update {resource}", "PATCH", f"/{resource}/{item['id']}", json=body)


async def create_key(client: Client) -> None:
    person = choose(client.world)
    if person is None or person.access is None:
        return
    addresses = client.world.chance.choice([[], ["127.0.0.0/8"]])
    scopes = client.world.chance.choice([["tasks:read"], ["tasks:read", "tasks:create"], ["no-such:thing"]])
    body = {"name": client.world.words(), "scopes": scopes, "allowed_addresses": addresses}
    created = await client.send("create API keys", "POST", "/auth/api-keys", token=person.access, json=body)
    if created:
        person.keys.append((created["id"], created["key"]))


async def revoke_key(client: Client) -> None:
    person = choose(client.world)
    if person is None or not person.keys:
        return
    key = client.world.chance.choice(person.keys)[0]
    await client.send("revoke API keys", "DELETE", f"/users/{person.id}/api-keys/{key}")


async def enrol(client: Client) -> None:
    """Enrol a second factor and confirm it, with a wrong code at times; then verify, renew the codes or remove it."""
    person = choose(client.world)
    if person is None or person.access is None:
        return
    token, path = person.access, "/auth/me/second-factor"
    wanted = {"current_password": person.password}
    enrolment = await client.send("enrol", "POST", path, token=token, json=wanted)
    if enrolment:
        code = pyotp.TOTP(enrolment["secret"]).now() if client.world.is_lucky(0.8) else "000000"
        codes = await client.send("confirm a factor", "POST", f"{path}/confirm", token=token, json={"code": code})
        person.recovery_codes = codes["recovery_codes"] if codes else person.recovery_codes


async def use_factor(client: Client) -> None:
    person = choose(client.world)
    if person is None or person.access is None:
        return
    token, way = person.access, client.world.chance.randrange(3)
    if way == 0:
        code = person.recovery_codes.pop() if person.recovery_codes else "000000"
        await client.send("step up", "POST", "/auth/step-up", token=token, json={"code": code})
    elif way == 1:
        path = "/auth/me/second-factor/recovery-codes"
        codes = await client.send("renew recovery codes", "POST", path, token=token)
        person.recovery_codes = codes["recovery_codes"] if codes else person.recovery_codes
    else:
        await client.send("remove a factor", "DELETE", "/auth/me/second-factor", token=token)


async def end_sessions(client: Client) -> None:
    person = choose(client.world)
    if person is None or person.access is None:
        return
    sessions = await client.send("read sessions", "GET", "/auth/me/sessions", token=person.access)
    if sessions and sessions["items"]:
        chosen = client.world.chance.choice(sessions["items"])["id"]
        await client.send("end a session", "DELETE", f"/auth/me/sessions/{chosen}", token=person.access)
