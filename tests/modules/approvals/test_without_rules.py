"""Where the settings name nothing, nothing waits."""

import pytest

from app.core.config import ApprovalSettings, Settings
from app.modules.approvals.waiting.needs import UnknownRule
from tests.fixtures.application import started
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


@pytest.mark.parametrize("rule", ["grant:audits:read", "grant:tasks:reed", "grant:task*:read", "Rollback", "grant:"])
async def test_a_rule_that_names_nothing_stops_the_start(settings: Settings, rule: str) -> None:
    """A typing error would let everything pass."""
    with pytest.raises((UnknownRule, ValueError)):
        async with started(settings.model_copy(update={"approvals": ApprovalSettings(required_for=(rule,))})):
            pass


@pytest.mark.parametrize("rule", ["rollback", "erasure", "grant:*", "grant:users:*", "grant:products:move-stock"])
async def test_rules_are_known(settings: Settings, rule: str) -> None:
    async with started(settings.model_copy(update={"approvals": ApprovalSettings(required_for=(rule,))})):
        pass
