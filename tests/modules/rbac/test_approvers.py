"""Who may approve, on random policies: the answers of the API, and its previews, against loops over the tables."""

import random
from collections import Counter
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI

from app.core.config import ApprovalSettings, Settings
from app.core.context import RequestContext
from tests.modules.rbac.oracle import Oracle, read_oracle
from tests.modules.rbac.test_oracle_in_database import invent
from tests.modules.roles.policies import role
from tests.people import Person, SignedInAs

POLICIES = 3
PRICES = {"modules": [{"module_slug": "products", "actions": ["set-price"]}]}
GIVEN = {"products:read", "products:set-price"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    rules = ApprovalSettings(required_for=("grant:products:set-price",))
    return settings.model_copy(update={"approvals": rules})


async def ask(person: Person, role_id: str) -> Any:
    """Ask for a role that sets prices, which no user has yet; the answer."""
    return await person.put(f"/roles/{role_id}/modules", PRICES)


def expected(oracle: Oracle, user_id: UUID, requester_id: UUID) -> tuple[bool, int]:
    """Whether the user could make the change, and the status of an approval by the user."""
    holdings, user = oracle.holdings(user_id), oracle.by_id[user_id]
    is_able = "roles:update" in holdings and holdings >= GIVEN
    if not user.is_active or user.deleted_at:
        return False, 401
    return is_able, 200 if is_able and "approvals:update" in holdings and user_id != requester_id else 403


async def test_those_approve_who_may_decide_and_do_it_themselves(
    app: FastAPI, job: RequestContext, signed_in_as: SignedInAs
) -> None:
    root, answers = await signed_in_as(superuser=True), Counter[int]()
    for seed in range(POLICIES):
        tokens = await invent(app, job, random.Random(3000 + seed), ("approvals", "roles", "products"))
        oracle = await read_oracle(app.state.database, job)
        people = [Person(user_id, "", root.client, token, "") for user_id, token in tokens.items()]
        asking = next((each for each in people if oracle.holdings(each.id) >= {"roles:update", *GIVEN}), root)
        for requester in (root, asking):
            role_id = await role(root, f"Prices {uuid4()}")
            asked = await ask(requester, role_id)
            assert asked.status_code == 202, asked.text
            for person in people:
                is_able, status = expected(oracle, person.id, requester.id)
                path = f"/approvals/{asked.json()['id']}"
                preview = await person.get(f"{path}/preview")
                answer = await person.post(f"{path}/approve")
                if preview.status_code == 200:
                    assert (preview.json()["problem"] is None) == is_able
                assert answer.status_code == status, answer.text
                answers[status] += 1
                if status == 200:
                    (await root.put(f"/roles/{role_id}/modules", {"modules": []})).raise_for_status()
                    asked = await ask(requester, role_id)

    print(dict(answers))  # noqa: T201  # the evidence, with -s
    assert answers.total() == POLICIES * 2 * 16
    assert answers.keys() == {200, 401, 403}
