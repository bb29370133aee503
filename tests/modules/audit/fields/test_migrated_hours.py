"""Changes from before the migration are found by their fields, also those that come back from an archive."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from alembic import command
from app.core.db import migrations
from app.core.db.engine import Database
from app.core.db.roles import apply_roles
from app.modules.audit.archive.command import restore
from app.modules.audit.rollups.counting import field_hours
from tests.modules.audit.archive.months import archive_into, fill_months, in_month
from tests.modules.audit.sealer.sealed import read_all
from tests.people import SignedInAs
from tests.roles import as_owner, open_as_owner

BEFORE_HOURS = "d41c7e6a90b3"
MONTH = "2025-12"
PERIOD = {"at_gte": f"{MONTH}-05T00:00:00Z", "at_lt": f"{MONTH}-30T00:00:00Z", "limit": 100}


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

    of_month = field_hours.c.hour.between(in_month(MONTH, 1), in_month(MONTH, 30))
    hours = [row.hour for row in await read_all(database, select(field_hours).where(of_month))]
    day = in_month(MONTH).replace(hour=0)
    assert sorted(hours) == [day + timedelta(hours=hour) for hour in range(24)]
    assert (await auditor.get("/audit/changes", params={"field": "title", **PERIOD})).json()["items"] == []
    await restore(open_as_owner(database), str(tmp_path / "a" / manifest.name))
    found = (await auditor.get("/audit/changes", params={"field": "title", **PERIOD})).json()["items"]
    assert len(found) == 12
