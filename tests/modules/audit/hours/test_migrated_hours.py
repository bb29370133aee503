"""Changes from before the migrations are found by field and action, also those that come back from an archive."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from alembic import command
from app.core.db import migrations
from app.core.db.engine import Database
from app.core.db.roles import apply_roles
from app.modules.audit.archive.command import restore
from app.modules.audit.rollups.counting import change_hours
from tests.modules.audit.archive.months import archive_into, fill_months, in_month
from tests.modules.audit.sealer.sealed import read_all
from tests.people import Person, SignedInAs
from tests.roles import as_owner, open_as_owner

BEFORE_HOURS = "d41c7e6a90b3"
MONTH = "2025-12"
PERIOD = {"at_gte": f"{MONTH}-05T00:00:00Z", "at_lt": f"{MONTH}-30T00:00:00Z", "limit": 100}


KINDS = {"field": "title", "action": "update"}


async def changes_of(auditor: Person, params: dict[str, str]) -> list[Any]:
    """The changes of the month that `params` ask for."""
    found: list[Any] = (await auditor.get("/audit/changes", params={**params, **PERIOD})).json()["items"]
    return found


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_changes_of_an_archived_month_are_found_once_it_is_restored(
    database: Database, signed_in_as: SignedInAs, tmp_path: Path
) -> None:
    await fill_months(database)
    auditor = await signed_in_as("audit:read")
    [*_, manifest] = await archive_into(tmp_path / "a", database)
    config = migrations.config(as_owner(database.settings))
    await apply_roles(as_owner(database.settings))  # the partitions are of the user that made them

    await asyncio.to_thread(command.downgrade, config, BEFORE_HOURS)
    await asyncio.to_thread(command.upgrade, config, "head")

    day = in_month(MONTH).replace(hour=0)
    for parameter, value in KINDS.items():
        of_kind = change_hours.c.hour.between(in_month(MONTH, 1), in_month(MONTH, 30)), change_hours.c.value == value
        found = await read_all(database, select(change_hours).where(*of_kind))
        assert sorted((row.parameter, row.hour) for row in found) == [
            (parameter, day + timedelta(hours=hour)) for hour in range(24)
        ]
        assert await changes_of(auditor, {parameter: value}) == []
    await restore(open_as_owner(database), str(tmp_path / "a" / manifest.name))
    for parameter, value in KINDS.items():
        assert len(await changes_of(auditor, {parameter: value})) == 12
