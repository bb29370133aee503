"""An access review lists who held what, through which role and on which terms, at an instant."""

import csv
import io
import json
from datetime import timedelta
from typing import Any

from fastapi import FastAPI

from app.core.clock import now
from app.core.context import RequestContext, in_short
from tests.answers import statuses
from tests.modules.rbac.oracle import read_oracle
from tests.modules.roles.policies import ALL, role, role_of
from tests.people import Person, SignedInAs

PATH = "/rbac/access-review"


async def review(asker: Person, **params: Any) -> list[dict[str, Any]]:
    """Every row of a review, by pages of two users."""
    rows: list[dict[str, Any]] = []
    more: dict[str, str] = {}
    while True:
        page = (await asker.get(PATH, params={**params, "limit": 2, **more})).json()
        rows += page["items"]
        if page["next_cursor"] is None:
            return rows
        more = {"cursor": page["next_cursor"]}


async def test_a_review_shows_what_was_held_then_through_which_role(
    app: FastAPI, signed_in_as: SignedInAs, job: RequestContext
) -> None:
    root, person, leaver = await signed_in_as(superuser=True), await signed_in_as(), await signed_in_as("tasks:update")
    weak = await role(root, "Weak", {"module_slug": "tasks"}, {"module_slug": "products", "can_update": True})
    ends = (now() + timedelta(days=1)).replace(microsecond=0)
    terms = {"role_id": weak, "valid_until": ends.isoformat(), "reason": "=cmd()|covers"}
    later = {"role_id": str(await role_of(leaver, root)), "valid_from": ends.isoformat()}
    assert (await root.put(f"/users/{person.id}/roles", {"assignments": [terms, later]})).status_code == 200
    then, oracle = now(), await read_oracle(app.state.database, job)
    await root.put(f"/roles/{weak}/modules", {"modules": [{"module_slug": "users", **ALL}]})
    await root.delete(f"/users/{leaver.id}")
    await signed_in_as("audit:read")

    rows = await review(root, at=then.isoformat())
    present = await review(root, at=now().isoformat())
    file = await root.get(PATH, params={"at": then.isoformat(), "format": "csv"})

    for user in (person, leaver):
        held = {name for row in rows if row["user_id"] == str(user.id) for name in row["permissions"]}
        assert held == set(in_short(oracle.holdings(user.id, then)))
    mine = [row for row in rows if row["user_id"] == str(person.id)]
    assert [(row["role"], row["module_slug"], row["permissions"]) for row in mine] == [
        ("Weak", "products", ["products:read", "products:update"]),
        ("Weak", "tasks", ["tasks:read"]),
    ]
    assert (mine[0]["valid_until"], mine[0]["reason"]) == (ends.isoformat().replace("+00:00", "Z"), "=cmd()|covers")
    assert {row["at"] for row in rows} == {then.isoformat().replace("+00:00", "Z")}
    (of_root,) = [row for row in rows if row["user_id"] == str(root.id)]
    assert (of_root["role"], of_root["permissions"], of_root["last_used_at"] is not None) == (None, ["*"], True)
    assert {row["role"]: row["module_slug"] for row in present if row["user_id"] == str(person.id)} == {"Weak": "users"}
    assert str(leaver.id) not in {row["user_id"] for row in present}
    table = list(csv.DictReader(io.StringIO(file.text)))
    assert [(row["user_id"], row["role"], row["module_slug"]) for row in table] == [
        (row["user_id"], row["role"] or "", row["module_slug"] or "") for row in rows
    ]
    assert {row["reason"] for row in table} == {"", "'=cmd()|covers"}


async def test_a_review_without_an_instant_is_one_of_now(signed_in_as: SignedInAs) -> None:
    root = await signed_in_as(superuser=True)
    person = await signed_in_as("tasks:read")

    rows = await review(root)
    file = await root.get(PATH, headers={"Accept": "application/x-ndjson"})

    assert {(row["username"], row["module_slug"]) for row in rows} == {
        (root.username, None),
        (person.username, "tasks"),
    }
    lines = [json.loads(line) for line in file.text.splitlines()]
    assert (len(lines), len({line["at"] for line in lines})) == (2, 1)


async def test_a_review_keeps_what_was_taken_back_without_its_reason(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as("tasks:read")
    then = now().isoformat()
    await root.put(f"/users/{person.id}/roles", {"role_ids": []})

    (row,) = [row for row in await review(root, at=then) if row["user_id"] == str(person.id)]

    assert (row["permissions"], row["assigned_at"], row["reason"]) == (["tasks:read"], None, None)


async def test_a_review_needs_to_read_roles_and_users(signed_in_as: SignedInAs) -> None:
    people = {
        "roles": await signed_in_as("roles:read"),
        "users": await signed_in_as("users:read"),
        "both": await signed_in_as("roles:read", "users:read"),
    }

    answers = {name: await person.get(PATH) for name, person in people.items()}

    assert statuses(answers) == {"roles": 403, "users": 403, "both": 200}
