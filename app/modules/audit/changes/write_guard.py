"""Refuses SQL that writes to audited tables outside the unit of work, where no change entry would be written.

It looks at the SQL text that goes to the driver, and so sees bulk ORM statements, Core, `text()` and driver-level
strings alike. Outside a flush a statement may only write to tables that are known and not audited; a verb whose target
cannot be read is refused. It prevents mistakes; an attacker who owns the connection has other ways.
"""

import re
from functools import lru_cache

from sqlalchemy import event
from sqlmodel import SQLModel

from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.db.session import flushing
from app.modules.audit.changes.redaction_rules import audited_models
from app.modules.audit.models import AuditAccess, AuditChange

LOGS = frozenset({table_of(AuditAccess).name, table_of(AuditChange).name})
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
"""Verbs that no flush uses. `do` and `call` run code that cannot be read here."""


class UnauditedWrite(RuntimeError):
    """A statement would change audited rows without a change entry, or the audit log itself."""


def refuse_unaudited_writes(database: Database) -> None:
    """Watch the connections of `database` that can write. An offending statement raises UnauditedWrite."""
    known = {table.name for table in SQLModel.metadata.tables.values()}
    writable = frozenset(known - audited_models().keys() - LOGS)

    def check(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        for verb, table in written_tables(statement):
            if table in LOGS and verb != "insert into":
                raise UnauditedWrite(f"{verb} {table}: the audit log can only be added to")
            if (verb in NEVER or table not in writable | LOGS) and not flushing.get():
                raise UnauditedWrite(f"{verb} {table} would leave no change entry; change entities instead")

    event.listen(database.engine.sync_engine, "before_cursor_execute", check)


@lru_cache(maxsize=2048)
def written_tables(statement: str) -> tuple[tuple[str, str], ...]:
    """Pairs of (verb, table) that a SQL text writes, common table expressions included."""
    plain = " ".join(QUOTED.sub(r" $\1 ", NOISE.sub(" ", statement)).split())
    pairs = [*WRITE.findall(plain), *((verb, "") for verb in OPAQUE.findall(plain))]
    return tuple((verb.lower(), table.lower().removeprefix("$")) for verb, table in pairs)
