"""The canonical form of values and entries: the same bytes for the same facts on every database.

JSON with names sorted by code point, nulls left out, no white space and no floats, so that a hash over a stored entry
can be repeated elsewhere, and a column that is added later does not change the bytes of older entries.
"""

import base64
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from types import NoneType
from typing import Any
from uuid import UUID

import orjson

ENTRY_FORMAT = 2
"""Stored with every entry. Entries of format 1 have no callers, and their plain documents may hold names with a `$`."""
MIN_INTEGER, MAX_INTEGER = -(2**63), 2**63 - 1
INSTANT_CHARACTERS = len("2026-01-01T00:00:00.000000")
"""Those of an instant without its offset."""


def canonical_value(raw: object) -> Any:
    """`raw` as string, bool, null or integer; documents keep their shape. Raises TypeError for anything else."""
    return FORMS[type(raw)](raw)


def escape_names(value: Any) -> Any:
    """A canonical value in which each name that begins with `$` has another one before it, at any depth.

    So no plain document looks like the tagged documents of the change log: `$secret`, `$personal`.
    """
    return rename(value, add_dollar) if isinstance(value, (dict, list)) else value


def unescape_names(value: Any) -> Any:
    """What `escape_names` was given. Documents of older versions, whose names were not escaped, stay as they are."""
    return rename(value, drop_dollar) if isinstance(value, (dict, list)) else value


def add_dollar(name: str) -> str:
    return f"${name}" if name.startswith("$") else name


def drop_dollar(name: str) -> str:
    return name[1:] if name.startswith("$$") else name


def rename(value: Any, change: Callable[[str], str]) -> Any:
    """`value` with the names of all of its documents changed."""
    if isinstance(value, dict):
        return {change(name): rename(item, change) for name, item in value.items()}
    return [rename(item, change) for item in value] if isinstance(value, list) else value


def format_instant(at: datetime) -> str:
    """RFC 3339 in UTC, always four digits of a year and six of a second."""
    utc = at if at.tzinfo is UTC else at.astimezone(UTC)
    return f"{utc.isoformat(timespec='microseconds')[:INSTANT_CHARACTERS]}Z"


def keep(raw: Any) -> Any:
    return raw


def write_member(member: Enum) -> Any:
    return canonical_value(member._value_)  # `value` is a property, and slow


KNOWN: Mapping[type, Callable[[Any], Any]] = {
    NoneType: keep,
    bool: keep,
    str: keep,
    int: lambda raw: raw if MIN_INTEGER <= raw <= MAX_INTEGER else str(raw),
    datetime: format_instant,
    date: str,
    UUID: str,
    Decimal: str,
    float: repr,
    bytes: lambda raw: base64.b64encode(raw).decode(),
    Mapping: lambda raw: {str(name): canonical_value(item) for name, item in raw.items()},
    list: lambda raw: [canonical_value(item) for item in raw],
    tuple: lambda raw: [canonical_value(item) for item in raw],
}
"""How a value of each type is written. A type that is not here has the form of the first that it is a kind of."""


class Forms(dict[type, Callable[[Any], Any]]):
    """How a value of any type is written; a type that is met for the first time is added."""

    def __missing__(self, kind: type) -> Callable[[Any], Any]:
        """The form of an enumeration is that of its values. Raises TypeError for a type without a form."""
        if issubclass(kind, Enum):
            form: Callable[[Any], Any] = write_member
        elif base := next((each for each in KNOWN if issubclass(kind, each)), None):
            form = KNOWN[base]
        else:
            raise TypeError(f"the audit log has no form for {kind.__name__}")
        self[kind] = form
        return form


FORMS = Forms(KNOWN)
KEPT = frozenset(kind for kind, form in KNOWN.items() if form is keep)
"""Types whose values are canonical as they are."""


def encode(entry: Mapping[str, Any]) -> bytes:
    """The canonical bytes of a stored entry, or of a part of one: every column that is not null."""
    document = {
        name: item if type(item) in KEPT else FORMS[type(item)](item)
        for name, item in entry.items()
        if item is not None
    }
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
