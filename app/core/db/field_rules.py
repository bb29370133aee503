"""Fields that need an action of their module: to be read, or to be written. A column declares which, once.

What a caller may do with them is in `field_access.py`.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import NoneType
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel
from sqlalchemy import Table

from app.core.db.derived import derivations
from app.core.db.row_access import scopes_of
from app.core.db.targets import SHOWN_AS
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


@dataclass(frozen=True, eq=False)
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
    table: Table | None = None
    """The table, once a module has made it its own."""

    @property
    def have_scopes(self) -> bool:
        """Whether the rows have scopes, in which a permission can be held."""
        return self.table is not None and scopes_of(self.table) is not None

    def permission_to_read(self, name: str) -> str | None:
        """The permission that shows a column, where it needs one."""
        return next((held for held, names in self.read.items() if name in names), None)

    def needed_to_read(self, names: Iterable[str]) -> dict[str, str]:
        """Those of `names` that need a permission to be read, each with it."""
        wanted, needed = frozenset(names), self.permission_to_read
        return {name: each for name in self.names if name in wanted and (each := needed(name)) is not None}

    def needed_to_write(self, names: Iterable[str]) -> dict[str, str]:
        """Those of `names` that need a permission to be written, each with it."""
        wanted, needed = frozenset(names), self.write
        return {name: needed[name] for name in self.names if name in wanted and name in needed}


NO_RULES = FieldRules({}, {})


def rules_of(table: Table) -> FieldRules:
    """The rules of the fields of a table."""
    rules: FieldRules = table.info.get(RULES, NO_RULES)
    return rules


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
        table=table,
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
