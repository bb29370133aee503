"""What a version of the policy shows: names beside ids, totals, and until when something is held."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.modules.rbac.models import PolicyVersion
from tests.modules.audit.persons import erase
from tests.modules.roles.policies import role
from tests.people import Person, SignedInAs


async def newest(reader: Person) -> Any:
    answer = await reader.get("/rbac/versions", params={"limit": 1})
    assert answer.status_code == 200, answer.text
    return answer.json()["items"][0]


async def add_version(database: Database, job: RequestContext, *effects: dict[str, Any]) -> None:
    """Add a version with effects as older versions of this program stored them."""
    version = PolicyVersion(
        id=999_999, at=now(), request_id="x", actor_kind="system", actor_name="test", changes=[], effects=list(effects)
    )
    async with database.unit_of_work(job) as session:
        session.add(version)


async def test_versions_name_roles_modules_and_users(signed_in_as: SignedInAs) -> None:
    root, auditor, carla = await signed_in_as(superuser=True), await signed_in_as("audit:read"), await signed_in_as()
    keeper = await role(root, "Stock keeper", {"module_slug": "products"})
    granted = (await newest(auditor))["changes"][0]
    await root.put(f"/users/{carla.id}/roles", {"role_ids": [keeper]})
    await root.patch(f"/roles/{keeper}", {"name": "Warehouse"})
    await root.delete(f"/roles/{keeper}")

    hidden, assigned = (await auditor.get("/rbac/versions", params={"limit": 2})).json()["items"]

    ((change,)) = assigned["changes"]
    assert granted["names"] == {granted["new"]["role_id"]: "Stock keeper", granted["new"]["module_id"]: "Products"}
    assert (change["entity"], change["item_name"], change["old"]) == ("user_role", None, None)
    assert change["names"] == {keeper: "Warehouse", str(carla.id): carla.username}
    assert [(each["entity"], each["item_name"]) for each in hidden["changes"]] == [("role", "Warehouse")]
    assert [each["username"] for each in assigned["effects"]] == [carla.username]
    assert (await auditor.get(f"/rbac/versions/{assigned['id']}")).json() == assigned


async def test_an_effect_says_until_when_something_is_held(signed_in_as: SignedInAs) -> None:
    root, carla = await signed_in_as(superuser=True), await signed_in_as("tasks:read")
    soon, later = (f"{now() + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}" for days in (1, 9))
    first = await role(root, "First", {"module_slug": "products", "can_update": True}, {"module_slug": "tasks"})
    second, third = await role(root, "Second", {"module_slug": "products"}), await role(root, "Third")
    body = {
        "assignments": [
            {"role_id": first, "valid_until": soon},
            {"role_id": second, "valid_until": later},
            {"role_id": third},
        ]
    }

    preview = await root.put(f"/users/{carla.id}/roles", body, params={"dry_run": "true"})
    (await root.put(f"/users/{carla.id}/roles", body)).raise_for_status()
    timed = (await newest(root))["effects"][0]
    await root.put(f"/roles/{third}/modules", {"modules": [{"module_slug": "brands"}]})
    lasting = (await newest(root))["effects"][0]

    assert timed["gained"] == ["products:read", "products:update"]
    assert timed["until"] == {"products:read": later, "products:update": soon}
    assert preview.json()["effects"] == [timed]
    assert (lasting["gained"], lasting["until"]) == (["brands:read"], {})


async def test_a_list_of_versions_has_totals_and_says_that_it_is_cut(
    signed_in_as: SignedInAs, database: Database, job: RequestContext
) -> None:
    root, lost = await signed_in_as(superuser=True), {"gained": [], "lost": ["tasks:read"]}
    await add_version(
        database,
        job,
        *({"user_id": str(uuid4()), "gained": ["tasks:read"], "lost": []} for _ in range(90)),
        *({"user_id": str(uuid4()), **lost} for _ in range(30)),
    )

    listed, whole = await newest(root), (await root.get("/rbac/versions/999999")).json()

    assert listed["effect_totals"] == {"users": 120, "gained": 90, "lost": 30, "shown": 100}
    assert (len(listed["effects"]), len(whole["effects"])) == (100, 120)
    assert whole["effect_totals"] == {"users": 120, "gained": 90, "lost": 30, "shown": 120}
    assert whole["effects"][-1]["until"] == {}


async def test_a_user_who_is_gone_or_erased_has_no_name_in_a_version(
    signed_in_as: SignedInAs, database: Database, job: RequestContext
) -> None:
    root, carla = await signed_in_as(superuser=True), await signed_in_as("tasks:read")
    effects = [{"user_id": str(each), "gained": ["tasks:read"], "lost": []} for each in (uuid4(), carla.id)]
    await add_version(database, job, *effects)
    (await erase(root, f"/users/{carla.id}")).raise_for_status()

    shown = (await root.get("/rbac/versions/999999")).json()

    assert shown["effects"] == [{**each, "username": None, "until": {}} for each in effects]
