"""Conditions of changes: If-Match, weak tags, If-None-Match, in one line or in several."""

import pytest

from tests.core.http.problems import assert_problem
from tests.people import SignedInAs


@pytest.mark.parametrize("tags", ['"1"', 'W/"1"', '"0", "1-gzip"', "*", ' , "1"'])
async def test_a_change_is_refused_where_if_none_match_names_the_version(signed_in_as: SignedInAs, tags: str) -> None:
    person = await signed_in_as("tasks:create", "tasks:update", "tasks:delete")
    path = f"/tasks/{(await person.post('/tasks', {'title': 'x'})).json()['id']}"
    condition = {"If-None-Match": tags}

    changed = await person.patch(path, {"title": "y"}, headers=condition)
    deleted = await person.delete(path, headers=condition)

    for answer in (changed, deleted):
        assert_problem(answer, 412, "version-matches")
    assert (await person.get(path)).json()["version"] == 1


async def test_a_change_is_made_where_if_none_match_names_another_version(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:create", "tasks:update", "tasks:delete")
    path = f"/tasks/{(await person.post('/tasks', {'title': 'x'})).json()['id']}"

    changed = await person.patch(path, {"title": "y"}, headers={"If-None-Match": '"10", "2", ""'})
    deleted = await person.delete(path, headers={"If-None-Match": '"1"', "If-Match": '"2"'})
    restored = await person.post(f"{path}/restore", headers={"If-None-Match": '"3"'})

    assert (changed.status_code, deleted.status_code) == (200, 204)
    assert_problem(restored, 412, "version-matches")


async def test_the_own_account_has_conditions_too(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as()

    refused = await person.patch("/auth/me", {"first_name": "Ann"}, headers={"If-None-Match": '"1"'})

    assert_problem(refused, 412, "version-matches")


async def test_a_weak_tag_never_matches_and_the_problem_says_so(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:create", "tasks:update")
    path = f"/tasks/{(await person.post('/tasks', {'title': 'x'})).json()['id']}"

    weak = await person.patch(path, {"title": "y"}, headers={"If-Match": 'W/"1"'})
    mixed = await person.patch(path, {"title": "y"}, headers={"If-Match": 'W/"1", "1"'})

    assert_problem(weak, 412, "stale-version")
    assert "weak tag" in weak.json()["detail"]
    assert mixed.status_code == 200


async def test_several_lines_of_if_match_are_one_list(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:create", "tasks:update")
    path = f"/tasks/{(await person.post('/tasks', {'title': 'x'})).json()['id']}"
    credentials = ("Authorization", f"Bearer {person.access_token}")

    lines = [credentials, ("If-Match", '"7"'), ("If-Match", '"1"')]
    changed = await person.client.patch(path, json={"title": "y"}, headers=lines)
    stale = await person.client.patch(path, json={"title": "z"}, headers=lines)

    assert (changed.status_code, stale.status_code) == (200, 412)


async def test_two_credentials_are_none(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:read")
    lines = [("Authorization", f"Bearer {person.access_token}")] * 2

    assert (await person.client.get("/tasks", headers=lines)).status_code == 401
