"""Icons of modules, groups and roles are names of one set."""

import pytest
from fastapi import FastAPI
from sqlalchemy import select
from sqlmodel import col

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.fields.icon import NAMES, check_icon, icon_names
from app.core.http.router import Router
from app.modules.roles import Module, ModuleService
from tests.people import SignedInAs


def test_the_set_has_its_version_and_licence() -> None:
    head = NAMES.read_text().splitlines()[:2]

    assert "Lucide 1." in head[0]
    assert "ISC License" in head[1]
    assert len(icon_names()) > 1900
    assert {"square-check", "users", "package"} <= icon_names()


def test_a_module_declares_an_icon_of_the_set() -> None:
    with pytest.raises(ValueError, match="Lucide"):
        Router("suppliers", icon="check-square")


@pytest.mark.parametrize("icon", ["check-square", "warehouses", "Users", "a" * 65, "users\u0000"])
async def test_unknown_icons_are_refused(signed_in_as: SignedInAs, icon: str) -> None:
    root = await signed_in_as(superuser=True)
    module = (await root.get("/modules")).json()["items"][0]
    body = {"icon": icon}

    answers = [
        await root.post("/roles", {"name": "x", **body}),
        await root.patch(f"/modules/{module['id']}", body),
        await root.patch(f"/module-groups/{module['group_id']}", body),
    ]

    assert {answer.status_code for answer in answers} <= {422, 400}
    if icon == "warehouses":
        (error,) = answers[0].json()["errors"]
        assert (error["code"], error["pointer"]) == ("unknown-icon", "/body/icon")
        assert error["params"]["similar"][0] == "warehouse"


async def test_an_icon_can_be_empty(signed_in_as: SignedInAs) -> None:
    root = await signed_in_as(superuser=True)

    made = await root.post("/roles", {"name": "plain", "icon": ""})

    assert (made.status_code, made.json()["icon"]) == (201, "")


async def test_a_stored_icon_that_the_set_does_not_have_is_replaced_at_the_start(
    app: FastAPI, database: Database, job: RequestContext
) -> None:
    """An administrator's own choice is kept."""
    async with database.unit_of_work(job) as session:
        rows = {row.slug: row for row in (await session.execute(select(Module))).scalars()}
        rows["tasks"].icon, rows["users"].icon = "check-square", "handshake"

    async with database.unit_of_work(job) as session:
        await ModuleService(session).synchronize(app.state.modules)

    reader = database.read_session(job)
    stored = {row.slug: row.icon for row in await reader.all(select(col(Module.slug), col(Module.icon)))}
    assert (stored["tasks"], stored["users"]) == ("square-check", "handshake")
    assert all(check_icon(icon) == icon for icon in stored.values())
