"""Fields that need an action of their module: to be read, or to be written. A column declares which, once.

A caller without the action to read gets null, and cannot ask by the field. A caller without the action to write cannot
change it. Writing needs reading too: what becomes of a value tells what is stored. Jobs, which have no caller, may all.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import NoneType
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel
from sqlalchemy import Table
from sqlmodel import SQLModel

from app.core.context import RequestContext
from app.core.db.derived import derivations
from app.core.db.entity import defaults_of
from app.core.db.targets import SHOWN_AS
from app.core.errors import Forbidden
from app.core.field_errors import field_error
from app.core.runtime.module_info import ModuleInfo

INFO, RULES = "field_rule", "field_rules"
MASKED = "masked_fields"
"""The field of a Read schema with the names of those that are null because the caller may not read them."""
NOTHING: frozenset[str] = frozenset()


class BadFieldRule(RuntimeError):
    """A field declares an action that its module does not have, or is shown where it could not be masked."""


class FieldRule(NamedTuple):
    """The actions that a column needs."""

    read: str | None
    write: str | None


def field_rule(*, read: str | None = None, write: str | None = None) -> dict[str, Any]:
    """The options of a column (`sa_column_kwargs`) that needs these actions of its module."""
    return {"info": {INFO: FieldRule(read, write)}}


@dataclass(frozen=True)
class FieldRules:
    """The permissions that the fields of one table need."""

    read: Mapping[str, frozenset[str]]
    """By permission, the columns that it shows, and those that are derived from them."""
    write: Mapping[str, str]
    """By column, the permission to write it."""
    names: tuple[str, ...] = ()
    """The columns that need one of them."""
    schemas: tuple[type[BaseModel], ...] = ()
    """The schemas whose fields these are."""

    def permission_to_read(self, name: str) -> str | None:
        """The permission that shows a column, where it needs one."""
        return next((held for held, names in self.read.items() if name in names), None)


NO_RULES = FieldRules({}, {})


def rules_of(table: Table) -> FieldRules:
    """The rules of the fields of a table."""
    rules: FieldRules = table.info.get(RULES, NO_RULES)
    return rules


@dataclass(frozen=True, slots=True)
class FieldAccess:
    """What the caller of a request may do with the fields of a table, at this moment."""

    rules: FieldRules
    context: RequestContext

    @property
    def unreadable(self) -> frozenset[str]:
        """The columns that the caller may not read."""
        caller = self.context.principal
        if not self.rules.read or caller is None:
            return NOTHING
        return NOTHING.union(*(names for held, names in self.rules.read.items() if not caller.scopes_of(held)))

    def check_reading(self, names: Iterable[str], place: str = "/body/{}") -> None:
        """Raise Forbidden if the caller may not read one of the columns `names`, which the request has at `place`.

        Without reading it, no answer may depend on its value.
        """
        if unreadable := self.unreadable:
            wanted = unreadable.intersection(names)
            needed = {name: self.rules.permission_to_read(name) for name in self.rules.names if name in wanted}
            refuse(needed, "read", place)

    def check_writing(self, names: Iterable[str]) -> None:
        """Raise Forbidden if the caller may not write one of the columns `names`."""
        caller = self.context.principal
        if self.rules.write and caller is not None:
            wanted = self.rules.write.keys() & set(names)
            lacking = {name for name in wanted if not caller.scopes_of(self.rules.write[name])}
            refuse({name: self.rules.write[name] for name in self.rules.names if name in lacking}, "write", "/body/{}")

    def check_change(self, given: Iterable[str], changed: Iterable[str]) -> None:
        """Raise Forbidden if the caller may not give columns a value, or change those that differ from the stored."""
        self.check_reading(given)
        self.check_writing(changed)

    def check_new(self, rows: Iterable[SQLModel]) -> None:
        """Raise Forbidden if the caller may not give a new row one of its values; a default is not given."""
        for row in rows if self.rules.names else ():
            defaults, _ = defaults_of(type(row))
            given = [name for name in self.rules.names if getattr(row, name) != defaults[name]]
            self.check_change(given, given)


def refuse(needed: Mapping[str, str | None], verb: str, place: str) -> None:
    """Raise Forbidden for fields, each with the permission that it needs; not for none."""
    details = {name: f"To {verb} {name} needs the permission {permission}." for name, permission in needed.items()}
    if details:
        errors = [
            field_error(place.format(name), details[name], Forbidden.code, field=name, permission=permission)
            for name, permission in needed.items()
        ]
        raise Forbidden(next(iter(details.values())), errors=errors)


def bind_rules(table: Table, module: ModuleInfo | None, read: type[BaseModel], *others: type[BaseModel]) -> None:
    """Make the rules of a table those of `module`, whose actions its columns name. Raises BadFieldRule.

    `read` and `others` are its schemas.
    """
    declared = declared_rules(table)
    if not declared:
        return
    known = module.actions.keys() if module else frozenset[str]()
    unknown = sorted({action for rule in declared.values() for action in rule if action} - known)
    if unknown or module is None:
        raise BadFieldRule(f"{table.name} has fields for {', '.join(unknown)}: no action of its module")
    check_shape(table, [name for name, rule in declared.items() if rule.read], read)
    actions = {rule.read for rule in declared.values() if rule.read}
    table.info[RULES] = FieldRules(
        read={f"{module.slug}:{action}": columns_for(table, declared, action) for action in sorted(actions)},
        write={name: f"{module.slug}:{rule.write}" for name, rule in declared.items() if rule.write},
        names=tuple(declared),
        schemas=(read, *others),
    )


def declared_rules(table: Table) -> dict[str, FieldRule]:
    return {column.name: column.info[INFO] for column in table.columns if INFO in column.info}


def columns_for(table: Table, declared: Mapping[str, FieldRule], action: str) -> frozenset[str]:
    """The columns that `action` shows, and those that follow from one of them."""
    own = {name for name, rule in declared.items() if rule.read == action}
    return frozenset(own.union(name for name, each in derivations(table).items() if each.sources & own))


def check_shape(table: Table, names: Collection[str], read: type[BaseModel]) -> None:
    """Raise BadFieldRule where a response could not leave out one of the columns `names`."""
    fields = {name: read.model_fields[name] for name in names if name in read.model_fields}
    if fixed := [name for name, field in fields.items() if NoneType not in get_args(field.annotation)]:
        raise BadFieldRule(f"{read.__name__} shows {', '.join(fixed)}, which may be masked: declare them `| None`")
    if names and MASKED not in read.model_fields:
        raise BadFieldRule(f"{read.__name__} has fields that may be masked: make it a `MaskedRead`")
    if (shown := table.info.get(SHOWN_AS, "name")) in names:
        raise BadFieldRule(f"{table.name}.{shown} shows its row where others refer to it, and cannot be masked")


def check_bound(tables: Iterable[Table]) -> None:
    """Raise BadFieldRule for a table with rules that no module has made its own: nothing would keep them."""
    for table in tables:
        if declared_rules(table) and RULES not in table.info:
            raise BadFieldRule(f"the fields of {table.name} need actions, but no resource of a module shows them")
