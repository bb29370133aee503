"""The menu of a user, merged and by role."""

from typing import Any
from uuid import uuid4

from tests.modules.roles.policies import role, role_of
from tests.people import SignedInAs


async def test_a_menu_for_each_role(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as("tasks:create")
    second = await role(root, "Second menu", {"module_slug": "users"})
    mine = str(await role_of(person, root))
    await root.put(f"/users/{person.id}/roles", {"role_ids": [str(mine), second]})

    merged = (await person.get("/auth/me/menu")).json()
    one = (await person.get(f"/auth/me/menu/{mine}")).json()
    other = (await person.get(f"/auth/me/menu/{second}")).json()

    def slugs(menu: Any) -> set[str]:
        return {module["slug"] for group in menu for module in group["modules"]}

    assert (slugs(merged), slugs(one), slugs(other)) == ({"tasks", "users"}, {"tasks"}, {"users"})
    assert one[0]["modules"][0]["permissions"]["can_create"] is True
    assert (await person.get(f"/auth/me/menu/{uuid4()}")).status_code == 404
