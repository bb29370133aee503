"""Queries over the access log."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from sqlalchemy import ColumnElement, Table, bindparam, func, literal_column, select, true

from app.core.db.keyset import Limit, Range
from app.core.db.page_selects import Finder
from app.core.db.pagination import PageQuery
from app.core.db.session import AnySelect
from app.modules.audit.models import FIRST_CRASH, FIRST_FAILURE, AuditAccess
from app.modules.audit.pieces.repository import PiecewiseRepository
from app.modules.audit.repository import callers
from app.modules.audit.schemas import CUT_OFF, AccessQuery, AccessRead

ADDRESS = bindparam("filter_ip", type_=callers.c.ip.type)


@dataclass(frozen=True, slots=True)
class FromAddress(Finder):
    """Requests from one address. PostgreSQL reads the first of each caller, and takes the first of those.

    It guesses how many requests a caller made. If it chose by that, it could walk the whole log in vain.
    """

    log: Table
    is_sqlite: bool

    def parts(self, each: Range, rows: AnySelect, wanted: Limit) -> list[AnySelect]:
        rows = each.choose(rows)
        if self.is_sqlite:
            return [self.matches(rows)]
        found = callers.alias("found")
        keys = rows.with_only_columns(self.log.c.id, self.log.c.at, maintain_column_froms=True)
        firsts = each.sort(keys.where(self.log.c.caller_id == found.c.id).correlate(found), wanted).lateral("firsts")
        of_all = select(firsts).select_from(found.join(firsts, true())).where(found.c.ip == ADDRESS)
        return [rows.where(self.log.c.id.in_(select(each.sort(of_all, wanted).subquery().c.id)))]

    def matches(self, ids: AnySelect) -> AnySelect:
        return ids.where(is_from_address(self.log))


def is_from_address(log: Table) -> ColumnElement[bool]:
    return log.c.caller_id.in_(select(callers.c.id).where(callers.c.ip == ADDRESS))


class AccessRepository(PiecewiseRepository):
    """The access log."""

    log = "access"
    model = AuditAccess
    read: type[BaseModel] = AccessRead

    def compute_columns(self) -> dict[str, ColumnElement[Any]]:
        return {**super().compute_columns(), "duration_ms": (self.table.c.duration_us / 1000.0).label("duration_ms")}

    def finder_of(self, query: PageQuery) -> Finder | None:
        has_address = isinstance(query, AccessQuery) and query.ip and not self.is_piecewise
        return FromAddress(self.table, self.session.is_sqlite) if has_address else None

    def where(self, statement: AnySelect, query: PageQuery) -> AnySelect:
        if isinstance(query, AccessQuery):
            statement = statement.where(*self.conditions(query))
            query = query.model_copy(update={"path": None, "ip": None})
        return super().where(statement, query)

    def conditions(self, query: AccessQuery) -> Iterator[ColumnElement[bool]]:
        """What the filters ask for that do not compare a column with their value, and what an index of failures says.

        An index of some entries is used only where the text of the query says which.
        """
        if query.path:
            yield self.begins_with(query.path)
        if query.ip and self.is_piecewise:
            yield is_from_address(self.table)
        if query.error_code and query.error_code not in CUT_OFF:
            yield self.table.c.status >= literal_column(str(FIRST_FAILURE))
        if query.lowest_status >= FIRST_CRASH:
            yield self.table.c.status >= literal_column(str(FIRST_CRASH))

    def begins_with(self, path: str) -> ColumnElement[bool]:
        """True for requests whose path begins with `path`. LIKE of SQLite takes small letters for large ones."""
        column = self.table.c.path
        return func.instr(column, path) == 1 if self.session.is_sqlite else column.startswith(path, autoescape=True)
