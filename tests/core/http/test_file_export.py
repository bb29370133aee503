"""Lists as files: streamed page by page, for as long as the caller may read."""

from collections.abc import Sequence
from typing import Any

import pytest
from fastapi import FastAPI

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.modules.brands.models import Brand
from tests.people import SignedInAs

NDJSON = "application/x-ndjson"


@pytest.mark.parametrize("becomes_more", [False, True])
async def test_an_export_ends_when_permissions_change(
    database: Database, job: RequestContext, signed_in_as: SignedInAs, app: FastAPI, *, becomes_more: bool
) -> None:
    """Also when they become more: a file is of one set of permissions, or not complete."""
    async with database.unit_of_work(job) as session:
        session.add_all([Brand(name=f"brand {n:04}") for n in range(2500)])
    person, admin = await signed_in_as("brands:read"), await signed_in_as(superuser=True)
    taken_away = False
    following = app.state.authenticator.authenticate

    async def admit(token: str, context: RequestContext) -> Any:
        nonlocal taken_away
        if taken_away is False and context.file_kind and token == person.access_token:
            taken_away = True
            if becomes_more:
                await admin.patch(f"/users/{person.id}", {"is_superuser": True})
            else:
                await admin.put(f"/users/{person.id}/roles", {"role_ids": []})
        return await following(token, context)

    app.state.authenticator.authenticate = admit
    answer = await person.get("/brands", headers={"Accept": NDJSON})

    assert taken_away
    assert answer.text.count("\n") < 2500


async def test_a_long_list_comes_whole_page_by_page(
    database: Database, job: RequestContext, signed_in_as: SignedInAs
) -> None:
    async with database.unit_of_work(job) as session:
        session.add_all([Brand(name=f"brand {n:04}") for n in range(2500)])
    person = await signed_in_as("brands:read")

    statements: list[str] = []

    def note(statement: str, _values: Sequence[Any]) -> None:
        if "brand" in statement:
            statements.append(statement)

    database.reader.listeners.append(note)
    async with person.client.stream(
        "GET",
        "/brands?sort=name",
        headers={"Accept": NDJSON, "Authorization": f"Bearer {person.access_token}"},
    ) as answer:
        lines = [line async for line in answer.aiter_lines()]

    assert (len(lines), len(statements)) == (2500, 3)
    assert '"brand 2499"' in lines[-1]
    assert "link" not in answer.headers
    bad = await person.get("/brands", params={"cursor": "x"}, headers={"Accept": NDJSON})
    assert (bad.status_code, bad.headers["content-type"]) == (422, "application/problem+json")
