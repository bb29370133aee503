"""Those who may approve a change are told by mail that one waits."""

import pytest
from fastapi import FastAPI

from app.core.config import ApprovalSettings, Settings
from app.core.db.engine import Database
from tests.modules.jobs.kinds import run_all
from tests.modules.mail.sink import Sink, part_of
from tests.modules.roles.policies import role
from tests.people import Person, SignedInAs


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings with changes that wait."""
    return settings.model_copy(update={"approvals": ApprovalSettings(required_for=("grant:audit:read",))})


async def ask(person: Person) -> str:
    """Ask for a role that may read the audit log. Returns the id of the change that waits."""
    made = await role(person, "Auditors")
    answer = await person.put(f"/roles/{made}/modules", {"modules": [{"module_slug": "audit"}]})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


async def test_approvers_are_told_and_no_other(
    app: FastAPI, database: Database, sink: Sink, signed_in_as: SignedInAs
) -> None:
    asking, second = await signed_in_as(superuser=True), await signed_in_as(superuser=True)
    approver, _reader = await signed_in_as("approvals:update"), await signed_in_as("approvals:read")

    change = await ask(asking)
    await run_all(database)

    wanted = [f"{person.username}@example.com" for person in (second, approver)]
    assert sorted(sink.recipients) == sorted(wanted)
    text = part_of(sink.mails[0], "plain")
    assert f"{asking.username} asked for a change" in text
    assert "grant:audit:read" in text
    assert f"https://attest.example/console/approvals/{change}" in text


async def test_a_change_that_is_withdrawn_before_is_not_told(
    database: Database, sink: Sink, signed_in_as: SignedInAs
) -> None:
    asking, _second = await signed_in_as(superuser=True), await signed_in_as(superuser=True)

    change = await ask(asking)
    await asking.post(f"/approvals/{change}/withdraw")
    await run_all(database)

    assert sink.mails == []
