"""What PostgreSQL reads to find users: as much as it shows, however many users there are."""

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.modules.users import UserRepository
from app.modules.users.schemas import UserQuery
from tests.core.db.plans import explain_execution, statements_of
from tests.roles import as_owner

pytestmark = pytest.mark.parametrize("backend", ["postgresql"], indirect=True)

ROLE = UUID(int=1)
FILL = """
INSERT INTO "user" (id, created_at, updated_at, version, username, email, username_folded, email_folded, is_active,
                    is_superuser, is_service, password_hash, must_change_password)
SELECT lpad(n::text, 32, '0')::uuid, now() + n * interval '1 second', now(), 1, 'u' || n, 'u' || n, 'u' || n, 'u' || n,
       true, false, false, '', false
FROM generate_series(1, 20000) n;
INSERT INTO role (id, created_at, updated_at, version, name, name_folded, icon, sort_order, is_active)
SELECT lpad(n::text, 32, '0')::uuid, now(), now(), 1, 'r' || n, 'r' || n, '', 0, true FROM generate_series(1, 2) n;
INSERT INTO user_role (id, created_at, updated_at, version, user_id, role_id, is_active)
SELECT lpad(n::text, 32, '0')::uuid, now(), now(), 1, lpad(n::text, 32, '0')::uuid,
       lpad((CASE WHEN n <= 3 THEN 1 ELSE 2 END)::text, 32, '0')::uuid, true
FROM generate_series(1, 19000) n;
INSERT INTO last_sign_in (id, at)
SELECT lpad(n::text, 32, '0')::uuid, now() - n * interval '1 hour' FROM generate_series(1, 19000) n;
INSERT INTO sign_in_counter (id, user_id, failures, blocked_until, updated_at)
SELECT 'identifier:' || n, lpad(n::text, 32, '0')::uuid, 1,
       CASE WHEN n <= 3 THEN now() + interval '1 hour' WHEN n < 50 THEN now() - interval '1 hour' END, now()
FROM generate_series(1, 19000) n
"""
"""Users of whom few have the first role, signed in within a day, or are locked; the newest have nothing at all."""
VACUUM = ('"user"', "user_role", "last_sign_in", "sign_in_counter")


FOUND: dict[str, tuple[Any, int]] = {
    "role_id": ([str(ROLE)], 3),
    "last_sign_in_at_gte": (None, 23),
    "is_locked": (True, 3),
    "role_id_null": (True, 50),
    "last_sign_in_at_null": (True, 50),
    "has_second_factor": (False, 50),
}
"""By filter: its value (None: a day ago), and how many users the first page has."""


async def test_few_rows_are_read_for_a_page(database: Database, job: RequestContext) -> None:
    await fill(database)
    plans: dict[str, str] = {}

    for name, (value, expected) in FOUND.items():
        query = UserQuery(**{name: now() - timedelta(days=1) if value is None else value})
        with statements_of(database, '"user"') as statements:
            page = await UserRepository(database.read_session(job)).page(query)
        assert len(page.items) == expected, name
        [(sql, values)] = statements
        plans[name] = await explain_execution(database, sql, values)

    assert {name: plan for name, plan in plans.items() if most_rows(plan) > 1100} == {}


async def fill(database: Database) -> None:
    """Add the users, and gather statistics."""
    address = as_owner(database.settings).database_url.get_secret_value().replace("+asyncpg", "")
    connection = await asyncpg.connect(address)
    await connection.execute(FILL)
    for table in VACUUM:
        await connection.execute(f"VACUUM ANALYZE {table}")
    await connection.close()


def most_rows(plan: str) -> float:
    """The most rows that one step of a plan read, or read in vain."""
    read = [float(rows) * int(loops) for rows, loops in re.findall(r"actual rows=([\d.]+) loops=(\d+)", plan)]
    removed = [int(rows) for rows in re.findall(r"Rows Removed by Filter: (\d+)", plan)]
    return max([*read, *removed])
