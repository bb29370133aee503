"""Where the settings name nothing, nothing waits."""

from tests.modules.roles.policies import role
from tests.people import SignedInAs


async def test_nothing_waits(signed_in_as: SignedInAs) -> None:
    root = await signed_in_as(superuser=True)
    (newest,) = (await root.get("/rbac/versions", params={"limit": 1})).json()["items"]
    made = await role(root, "Auditors", {"module_slug": "audit"})

    dry = await root.put(f"/roles/{made}/modules", {"modules": []}, params={"dry_run": "true"})
    rolled = await root.post(f"/rbac/versions/{newest['id']}/rollback")

    assert dry.json() == {"dry_run": True, "effects": []}
    assert rolled.status_code == 204
    assert (await root.get("/approvals")).json()["items"] == []
