"""Users of the database of a test: on PostgreSQL each role has a login, and the application is not the owner."""

import os
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Literal

from pydantic import SecretStr
from sqlalchemy.engine import URL, make_url

from app.core.config import Settings
from app.core.db.engine import Database
from app.core.db.entity import DatabaseRole
from app.core.db.roles import ROLES, apply_roles
from app.main import open_database
from tests.databases import URL_VARIABLE, in_a_thread

PASSWORD = "a password for tests only"
OPENED: list[Database] = []
"""Databases that tests opened as other users."""

LOGINS = {f"{role}_test": role for role in ROLES[1:]} | {"attest_inline_test": "attest_app, attest_sealer"}
"""Users by name, with their roles: one of each, and that of an application which seals by itself."""

CREATE = """
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{user}') THEN
    CREATE ROLE {user} LOGIN PASSWORD '{password}' IN ROLE {roles};
  END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$"""
"""Processes that test at the same time share the server, and so its users."""


def create_logins(settings: Settings, run: Callable[[Callable[[Any], Awaitable[Any]]], Any]) -> None:
    """Apply the roles to a migrated database, and create a user for each, which `run` does for the whole server."""
    in_a_thread(lambda: apply_roles(settings))
    for user, roles in LOGINS.items():
        run(partial(execute, CREATE.format(user=user, roles=roles, password=PASSWORD)))


async def execute(statement: str, connection: Any) -> None:
    await connection.execute(statement)


def as_role(settings: Settings, role: DatabaseRole | Literal["inline"]) -> Settings:
    """The same settings for a user with this role; on SQLite the same."""
    if settings.is_sqlite:
        return settings
    return with_user(settings, f"attest_{role}_test", PASSWORD)


def as_owner(settings: Settings) -> Settings:
    """The same settings for the user that owns the database; on SQLite the same."""
    if settings.is_sqlite:
        return settings
    given = make_url(os.environ[URL_VARIABLE])
    return with_user(settings, given.username, given.password)


def with_user(settings: Settings, name: str | None, password: str | None) -> Settings:
    url: URL = make_url(settings.database_url.get_secret_value()).set(username=name, password=password or "")
    return settings.model_copy(update={"database_url": SecretStr(url.render_as_string(hide_password=False))})


def open_as(database: Database, role: DatabaseRole) -> Database:
    """The database as a user with this role sees it. The fixture `app` closes it."""
    if database.is_sqlite:
        return database
    OPENED.append(open_database(as_role(database.settings, role)))
    return OPENED[-1]


def open_as_owner(database: Database) -> Database:
    """The database as its owner sees it, who archives and restores. The fixture `app` closes it."""
    if database.is_sqlite:
        return database
    OPENED.append(open_database(as_owner(database.settings)))
    return OPENED[-1]


async def close_opened() -> None:
    """Close what tests opened as other users."""
    while OPENED:
        await OPENED.pop().dispose()
