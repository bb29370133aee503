"""Compares the rows of a file with the items that they are about, as an export shows those."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from app.core.db.field_access import FieldAccess
from app.core.errors import Invalid, NotFound, PreconditionRequired, StaleVersion, invalid
from app.core.field_errors import FieldError
from app.core.resources.imports.file_format import FileFormat, NotValid, refuse
from app.core.resources.imports.matching import GivenRow, Item
from app.core.resources.imports.report import Effect
from app.core.resources.imports.sets import ImportedSets
from app.core.resources.schemas import Patch, Schema


@dataclass(frozen=True)
class Change:
    """The differences between a row and its item."""

    item: Item
    patch: Patch | None
    values: dict[str, Any]
    """The new values, by column; empty where nothing differs."""


Plan = Schema | Change
"""What a row will do: create an item, or change one."""


class Comparison:
    """Tells new items from changes, and what a change changes."""

    def __init__(
        self, form: FileFormat, sets: ImportedSets, key_names: frozenset[str], *, may_create: bool, needs_version: bool
    ) -> None:
        self.form = form
        self.sets = sets
        self.key_names = key_names
        self.may_create = may_create
        self.needs_version = needs_version

    def read_all(
        self, rows: Sequence[GivenRow], items: Sequence[Item | None], fields: FieldAccess
    ) -> list[Schema | Patch]:
        try:
            return [self.read_one(row, item, fields) for row, item in zip(rows, items, strict=True)]
        except NotValid as error:
            errors: list[FieldError] = [{**each, "pointer": f"/body{each['pointer']}"} for each in error.errors]
            raise Invalid("The row is not valid.", errors=errors) from error

    def read_one(self, given: GivenRow, item: Item | None, fields: FieldAccess) -> Schema | Patch:
        """A new item, or what a row says otherwise than an export of its item.

        Raises NotValid, NotFound, Invalid, Forbidden.
        """
        if item is not None:
            return self.read_differences(given, item, fields)
        if given.identity.id is not None:
            raise NotFound(f"There is no item {given.identity.id}.")
        if self.may_create:
            return self.form.create(given.values)
        if not given.keys:
            names = sorted({"id", *self.key_names})
            raise invalid("/body/id", f"Say which item this is: {' or '.join(names)}.", "missing", one_of=names)
        raise NotFound("There is no item with this unique value.")

    def read_differences(self, given: GivenRow, item: Item, fields: FieldAccess) -> Patch:
        """Raises NotValid, StaleVersion, Forbidden.

        What the caller may not read is shown as null: another value differs from it, whatever is stored.
        """
        version = given.identity.version
        if version is not None and version != item.row.version:
            detail = f"This is at version {item.row.version} now; export it again before changing it."
            raise StaleVersion(detail, params={"version": item.row.version})
        differing = self.form.differences(given.values, item.document)
        refuse(self.form.read_only(differing), "This cannot be changed here, and the item has another value.")
        patch = self.form.patch(differing, given.values)
        fields.check_masked(item.masked, patch.model_fields_set)
        return patch

    def compare(self, given: GivenRow, item: Item, patch: Patch) -> Change:
        """The differences. Raises PreconditionRequired."""
        stored = {**item.row.__dict__, **self.sets.of(item.document)}
        values = {name: value for name, value in patch.merge_into(item.row).items() if is_new(stored[name], value)}
        if values and given.identity.version is None and self.needs_version:
            raise PreconditionRequired("Send the version of what you read.")
        return Change(item, part_of(patch, values) if values else None, values)

    def effect_of(self, plan: Plan) -> Effect:
        """What a plan does, with the names of the columns that it changes."""
        if isinstance(plan, Schema):
            return Effect("created")
        columns = sorted(self.sets.columns.get(name, name) for name in plan.values)
        return Effect("updated" if columns else "unchanged", plan.item.row.id, tuple(columns))


def is_new(stored: Any, value: Any) -> bool:
    """Whether a value differs from that which is stored: of a set, whether it has other members."""
    return bool(set(value) != stored if isinstance(stored, frozenset) else value != stored)


def part_of(patch: Patch, names: Iterable[str]) -> Patch:
    """`patch` with those of its fields only."""
    fields: dict[str, Any] = {name: getattr(patch, name) for name in names}
    return type(patch).model_construct(_fields_set=set(fields), **fields)
