"""The revisions of the database and of the code, without Alembic, which would import itself and every one of them."""

import re
import sqlite3
from ast import literal_eval
from contextlib import closing
from functools import cache
from pathlib import Path

from sqlalchemy import column, func, select, table
from sqlalchemy.engine import make_url

from app.core.config import Settings
from app.core.db.session import ReadSession
from app.core.db.statements import AnySelect

VERSIONS = Path(__file__).parents[3] / "alembic" / "versions"
STORED_IN = "alembic_version"
SELECT_STORED = "SELECT version_num FROM alembic_version"
DECLARATION = re.compile(r"^(down_revision|revision)\b[^=\n]*= *(.+)$", re.MULTILINE)


async def stored_revisions(session: ReadSession) -> set[str]:
    """The revisions of the database; none where it was never migrated."""
    found: AnySelect = select(func.to_regclass(STORED_IN))
    if session.is_sqlite:
        found = select(column("name")).select_from(table("sqlite_master")).where(column("name") == STORED_IN)
    if await session.value(found) is None:
        return set()
    return {row.version_num for row in await session.all(select(column("version_num")).select_from(table(STORED_IN)))}


@cache
def heads() -> set[str]:
    """The newest revisions of the code: those that no other one follows."""
    declared = [dict(DECLARATION.findall(file.read_text("utf-8"))) for file in VERSIONS.glob("*.py")]
    followed: set[str] = set()
    for each in declared:
        before = literal_eval(each["down_revision"])
        followed |= {before} if isinstance(before, str) else set(before or ())
    return {literal_eval(each["revision"]) for each in declared} - followed


def is_migrated(settings: Settings) -> bool:
    """Whether nothing is left to migrate; False where only Alembic can tell, as on PostgreSQL."""
    if not settings.is_sqlite:
        return False
    file = Path(make_url(settings.database_url.get_secret_value()).database or "")
    if not file.is_file():
        return False
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return {name for (name,) in connection.execute(SELECT_STORED)} == heads()
    except sqlite3.Error:
        return False
