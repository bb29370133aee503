"""Roles that tests make and assign."""

from typing import Any
from uuid import UUID

from tests.people import Person

ALL = {"can_create": True, "can_update": True, "can_delete": True, "can_audit": True}


async def role(root: Person, name: str, *modules: dict[str, Any]) -> str:
    made: str = (await root.post("/roles", {"name": name})).json()["id"]
    await root.put(f"/roles/{made}/modules", {"modules": list(modules)})
    return made


async def role_of(person: Person, root: Person) -> UUID:
    """The id of the one role that a test person has."""
    return UUID((await own_roles(root, person))[0]["role_id"])


async def own_roles(root: Person, person: Person) -> list[dict[str, Any]]:
    """The assignments of a person, as they can be sent back."""
    found: list[dict[str, Any]] = (await root.get(f"/users/{person.id}/roles")).json()["assignments"]
    return found
