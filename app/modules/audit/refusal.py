"""What the record cannot see is not allowed: SQL that writes past the unit of work is refused, whoever sends it.

One look at the SQL text as it goes to the driver catches bulk ORM statements, Core, `text()` and driver-level strings
alike. Outside a flush a statement may only write to tables that are known and not audited, and a verb whose target
cannot be read is refused. It keeps mistakes out; somebody who owns the connection has other ways.
"""

import re
from functools import lru_cache
from typing import Any

from sqlalchemy import event
from sqlmodel import SQLModel

from app.core.db import Database, flushing
from app.core.repository import table_of
from app.modules.audit.models import AuditAccess, AuditChange
from app.modules.audit.policies import audited_models

RECORD = frozenset({table_of(AuditAccess).name, table_of(AuditChange).name})
NOISE = re.compile(r"\bE'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|/\*.*?\*/|--[^\n]*", re.DOTALL)
QUOTED = re.compile(r"(?:U&)?[\"`\[]([^\"`\]]*)[\"`\]]", re.IGNORECASE)
WRITE = re.compile(
    r"(?<![\w$])"
    r"(insert (?:or \w+ )?into|replace into|merge into|delete from(?: only)?|truncate|copy|drop|alter"
    r"|(?<!for )(?<!key )(?<!do )update(?: or \w+)?(?: only)?)"
    r"(?: (?:[\w$]+ ?\. ?)?([\w\\$]+)|(?= |$))",
    re.IGNORECASE,
)
OPAQUE = re.compile(r"(?:^|; ?)(do|call) ", re.IGNORECASE)
NEVER = frozenset({"truncate", "copy", "drop", "alter", "do", "call"})
"""Verbs without a flush to go with; `do` and `call` run what nobody can read."""


class UnauditedWrite(RuntimeError):
    """A statement would change audited rows past the record, or the record itself."""


def refuse_unaudited_writes(database: Database) -> None:
    """Watch every connection of `database`. Raises UnauditedWrite from the offending statement."""
    known = {table.name for table in SQLModel.metadata.tables.values()}
    writable = frozenset(known - audited_models().keys() - RECORD)

    def check(_connection: Any, _cursor: Any, statement: str, _params: Any, _context: Any, _many: Any) -> None:
        for verb, table in written(statement):
            if table in RECORD and verb != "insert into":
                raise UnauditedWrite(f"{verb} {table}: the record can only be added to")
            if (verb in NEVER or table not in writable | RECORD) and not flushing.get():
                raise UnauditedWrite(f"{verb} {table} would leave no change row; change entities instead")

    for engine in {database.engine.sync_engine, database.readers.sync_engine}:
        event.listen(engine, "before_cursor_execute", check)


@lru_cache(maxsize=2048)
def written(statement: str) -> tuple[tuple[str, str], ...]:
    """Pairs of (verb, table) that a SQL text writes, common table expressions included."""
    plain = " ".join(QUOTED.sub(r" $\1 ", NOISE.sub(" ", statement)).split())
    found = [*WRITE.findall(plain), *((verb, "") for verb in OPAQUE.findall(plain))]
    return tuple((verb.lower(), table.lower().removeprefix("$")) for verb, table in found)
