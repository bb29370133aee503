"""Reverts an item: a usual change by the service of its module, after which its fields are as they were at a point."""

from collections.abc import Iterator, Mapping, Set
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from pydantic import ValidationError
from sqlalchemy.exc import IntegrityError

from app.core.db.entity import Entity
from app.core.db.integrity import client_problem
from app.core.errors import Conflict, Invalid, invalid
from app.core.field_errors import FieldError, escape_pointer, field_error, validation_errors
from app.core.resources.schemas import Patch, nested_schema
from app.core.resources.service import Service
from app.core.sentences import UNKNOWN
from app.modules.audit.changes.personal_data import UNREADABLE
from app.modules.audit.changes.redaction_rules import redactions
from app.modules.audit.entries.canonical import canonical_value
from app.modules.audit.items.schemas import Revert
from app.modules.audit.items.sets import sets_of
from app.modules.audit.items.states import BOOKKEEPING, State, difference, is_lost, read_state
from app.modules.audit.schemas import Item

Values = Mapping[str, Any]
Sides = dict[str, dict[str, Any]]


class CannotRevert(Conflict):
    """A field cannot be as it was; `errors` lists each, with the reason."""

    code = "cannot-revert"
    remedy = "Leave out the fields that `errors` points at: `fields` reverts the others."

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("The item cannot be as it was then. `fields` reverts some fields only.", errors=errors)


async def revert(items: Service[Any], schema: type[Patch], id: UUID, target: Revert, if_match: str | None) -> Any:
    """Make the item what it was at a point, or those of its fields that `target` names.

    Raises NotFound, StaleVersion, CannotRevert and Forbidden, and what every change by the service raises.
    """
    session = items.rows.writer
    row = await items.rows.load(id, if_match)
    before = dict(row.__dict__)
    item = Item(items.rows.table.name, id)
    state, newest = await read_state(session, item, target.point), await read_state(session, item)
    wanted = values_to_set(newest, state, target)
    await items.rows.fields.check_given(session, row, wanted)
    refuse(reasons_of_log(row, wanted))
    session.context.reverted_to = state.entry_id
    try:
        async with session.begin_nested():  # so that what the database refuses is known here
            changed = await items.update(id, to_patch(schema, wanted), if_match)
    except (Invalid, IntegrityError) as error:
        raise refused_by_service(error) from error
    refuse(reasons_of_row(row, schema, wanted))
    sets = {name: {"old": newest.values[name], "new": wanted[name]} for name in wanted.keys() - before.keys()}
    masked = await items.rows.fields.masked_in(session, row)
    session.context.preview = {"changes": changes_of(row, before, masked) | sets}
    return changed


def values_to_set(newest: State, state: State, target: Revert) -> dict[str, Any]:
    """The values that differ from those of `state`, without bookkeeping. Raises Invalid for an unknown field."""
    for index, name in enumerate(target.fields or ()):
        if name not in state.values or name in BOOKKEEPING:
            raise invalid(f"/body/fields/{index}", "The item had no such field then.", UNKNOWN)
    chosen = state.values.keys() - BOOKKEEPING if target.fields is None else set(target.fields)
    differing = difference(newest, state)
    return {name: sides["new"] for name, sides in differing.items() if name in chosen}


def reasons_of_log(row: Entity, wanted: Values) -> Iterator[FieldError]:
    """Why fields cannot be set, as far as the log tells."""
    declared, sets = redactions(type(row)), sets_of(str(type(row).__tablename__))
    for name, value in wanted.items():
        if name in sets:
            continue
        if name not in declared:
            yield reason(name, "This field does not exist any more.", UNKNOWN)
        elif is_lost(value):
            code = "unreadable" if value == UNREADABLE else "erased"
            yield reason(name, f"The value that it had then is {code}.", code)
        elif declared[name].treatment == "secret":
            yield reason(name, "The log does not have secrets.", "secret")
        elif name == "deleted_at":
            yield reason(name, "It was deleted then. Delete it instead.", "was-deleted")


def reasons_of_row(row: Entity, schema: type[Patch], wanted: Values) -> Iterator[FieldError]:
    """Why the item is not as it should be after the change: its module does not let a change set the field so."""
    for name, value in wanted.items():
        is_column = name in row.__dict__
        if not (is_same(getattr(row, name), value) if is_column else name in schema.model_fields):
            yield reason(name, "The module does not let a change set this field to what it was.", "not-changeable")


def refused_by_service(error: Invalid | IntegrityError) -> Exception:
    """The problem for a change that the service or the database refused. Values of a log are no invalid request."""
    problem = client_problem(error)
    return CannotRevert([*map(since_then, problem.errors or ())]) if isinstance(problem, Invalid) else problem


def since_then(error: FieldError) -> FieldError:
    """The error of a reference to nothing, which was to something then."""
    if error["code"] != "unknown-reference":
        return error
    return {**error, "detail": "What this referred to then was deleted since; restore that first."}


def refuse(reasons: Iterator[FieldError]) -> None:
    """Raise CannotRevert if there are any reasons."""
    if found := list(reasons):
        raise CannotRevert(found)


def reason(field: str, detail: str, code: str) -> FieldError:
    return field_error(f"/body/{escape_pointer(field)}", detail, code)


def to_patch(schema: type[Patch], wanted: Values) -> Patch:
    """The change of the fields that a client may set. Raises CannotRevert where a value is not valid any more."""
    known = {name: whole(schema, name, value) for name, value in wanted.items() if name in schema.model_fields}
    try:
        return schema.model_validate_json(orjson.dumps(known))
    except ValidationError as error:
        raise CannotRevert(validation_errors(error, ("body",))) from error


def whole(schema: type[Patch], name: str, value: Any) -> Any:
    """`value`; a document with all of its fields, because those that are absent from a patch keep their values."""
    nested = nested_schema(schema.model_fields[name].annotation)
    return {**dict.fromkeys(nested.model_fields), **value} if nested and isinstance(value, dict) else value


def is_same(raw: Any, value: Any) -> bool:
    """Whether a column holds what the log has as `value`. Null is no value of a document's field."""
    if isinstance(raw, Decimal) and isinstance(value, str):
        return raw == Decimal(value)
    plain = canonical_value(raw)
    if isinstance(plain, dict) and isinstance(value, dict):
        return without_nulls(plain) == without_nulls(value)
    return bool(plain == value)


def without_nulls(document: Values) -> dict[str, Any]:
    return {name: value for name, value in document.items() if value is not None}


def changes_of(row: Entity, before: Values, masked: Set[str]) -> Sides:
    """The fields of `row` that changed, without secrets and what is `masked`."""
    declared = redactions(type(row))
    changed = [name for name in declared if before[name] != row.__dict__[name]]
    return {
        name: {"old": canonical_value(before[name]), "new": canonical_value(getattr(row, name))}
        for name in changed
        if declared[name].treatment != "secret" and name not in masked
    }
