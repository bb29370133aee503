"""The policy as it was at an instant: the present rows, in which the changes of newer versions are undone."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from app.core.db.entity import Entity
from app.core.db.session import ReadSession, Session, limit_list
from app.core.errors import invalid
from app.modules.rbac.engine.snapshots import POLICY_TABLES, Key, Snapshot, columns_of, values_of
from app.modules.rbac.repository import VersionRepository, read_policy_rows
from app.modules.roles import GRANT_PATH_COLUMNS, GrantPath

FIRST_VERSION = 1
"""The version of a database without any change of the policy."""

PolicyRow = Mapping[str, Any]
PolicyRows = dict[str, dict[UUID, PolicyRow]]
"""By table and id."""


@dataclass
class PastPolicy:
    """The policy at the instant `at`, which was its version `version`, as far as some users are concerned."""

    at: datetime
    version: int
    rows: PolicyRows

    def users(self) -> list[tuple[Any, list[GrantPath]]]:
        """Each of the users who existed, with every grant path, as the query of the present answers it."""
        assignments = self.by("user_role", "user_id")
        grants = self.by("role_module", "role_id")
        return [
            (SimpleNamespace(**user), [path for link in assignments[user_id] for path in self.paths(link, grants)])
            for user_id, user in self.rows["user"].items()
            if user["created_at"] <= self.at
        ]

    @cached_property
    def assignments(self) -> dict[tuple[UUID, UUID], PolicyRow]:
        """The assignments, by user and role."""
        return {(link["user_id"], link["role_id"]): link for link in self.rows["user_role"].values()}

    def by(self, table: str, column: str) -> defaultdict[UUID, list[PolicyRow]]:
        """The rows of a table for each value of a column."""
        found: defaultdict[UUID, list[PolicyRow]] = defaultdict(list)
        for row in self.rows[table].values():
            found[row[column]].append(row)
        return found

    def paths(self, link: PolicyRow, grants: Mapping[UUID, list[PolicyRow]]) -> Iterator[GrantPath]:
        """The grant paths of an assignment."""
        for grant in grants[link["role_id"]]:
            module = self.rows["module"][grant["module_id"]]
            group = self.rows["module_group"][module["group_id"]]
            role = self.rows["role"][link["role_id"]]
            joined = {"user_role": link, "role": role, "role_module": grant, "module": module, "module_group": group}
            columns = (getattr(column, "element", column) for column in GRANT_PATH_COLUMNS)
            yield GrantPath(*(joined[column.table.name][column.name] for column in columns))


async def read_past_policy(session: Session | ReadSession, at: datetime, user_ids: Collection[UUID]) -> PastPolicy:
    """The policy at an instant, of which the terms of assignments are judged. Raises Invalid, ListTimedOut.

    Versions are read after the rows: what is committed between is undone, whether the rows were read before or after.
    """
    async with limit_list(session):
        versions = VersionRepository(session)
        number = await versions.number_at(at) or FIRST_VERSION
        rows = await read_policy_rows(session, POLICY_TABLES.values(), user_ids)
        undone: dict[Key, Snapshot | None] = {}
        async for change in versions.changes_after(number):
            undone[change["entity"], UUID(change["id"])] = change["old"]
        await check_is_known(versions, number)
    restore_rows(rows, undone)
    return PastPolicy(at, number, rows)


async def check_is_known(versions: VersionRepository, number: int) -> None:
    """Raise Invalid unless every version after `number` is kept. It comes last, because old ones may go meanwhile."""
    oldest = await versions.oldest()
    if oldest is not None and oldest.id > number + 1:
        earliest = oldest.at.isoformat().replace("+00:00", "Z")
        detail = f"What the policy was before {earliest} is not known: older versions are not kept."
        raise invalid("/query/at", detail, "before-first-version", earliest=earliest)


def restore_rows(rows: PolicyRows, undone: Mapping[Key, Snapshot | None]) -> None:
    """Make `rows` what they were before changes. Rows of users stay for good: one that is missing is not asked for."""
    for (entity, row_id), old in undone.items():
        present = rows[entity].pop(row_id, None)
        if old is not None and (present is not None or entity != "user"):
            rows[entity][row_id] = row_before(POLICY_TABLES[entity], row_id, present, old)


def row_before(model: type[Entity], row_id: UUID, present: PolicyRow | None, old: Snapshot) -> PolicyRow:
    """A row with the values of a snapshot. A column that came later has the value of a new row.

    What is in no snapshot, such as the name of a role or the reason of an assignment, is as it is now.
    """
    new = vars(model(id=row_id))
    known = {name: new[name] for name in columns_of(model)} | values_of(model, old)
    return {"id": row_id, **(present or {}), **known}
