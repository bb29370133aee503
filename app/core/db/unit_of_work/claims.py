"""Claims: what a unit of work read before its transaction, and what must hold when it writes.

A claim is checked by a lock: in the statement that writes, if that is the whole transaction, else at its beginning.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Table, select

from app.core.db.statements import AnySelect
from app.core.db.unit_of_work.change import Change, Values


class ClaimForm(NamedTuple):
    """What claims of the same form have in common."""

    table: Table
    is_reference: bool
    """Whether the row must be visible, as the target of a reference; else it must have the version that was read."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A row, as it was read."""

    form: ClaimForm
    before: Values
    """The id, and the version where it is no reference."""


def loaded_row(table: Table, before: Values) -> Claim:
    """The claim that a row is stored as it was loaded."""
    return Claim(ClaimForm(table, is_reference=False), {"id": before["id"], "version": before["version"]})


def visible_target(table: Table, id: object) -> Claim:
    """The claim that the target of a reference is visible."""
    return Claim(ClaimForm(table, is_reference=True), {"id": id})


def select_claimed(form: ClaimForm, before: Values) -> AnySelect:
    """Select and lock the row of a claim: as a foreign key does, or as a change does."""
    table = form.table
    found = select(table.c.id).where(table.c.id == before["id"])
    if form.is_reference:
        return found.where(table.c.deleted_at.is_(None)).with_for_update(read=True, key_share=True)
    return found.where(table.c.version == before["version"]).with_for_update(key_share=True)


def sides_of(form: ClaimForm) -> tuple[str, ...]:
    """The names of the values of a claim."""
    return ("id",) if form.is_reference else ("id", "version")


def unwritten(claims: Sequence[Claim], changes: Sequence[Change]) -> list[Claim]:
    """The claims that `changes` do not check themselves, by the version of the row that they write."""
    checked = {(change.table, change.before["id"]) for change in changes if "version" in change.before}
    return [
        claim for claim in claims if claim.form.is_reference or (claim.form.table, claim.before["id"]) not in checked
    ]
