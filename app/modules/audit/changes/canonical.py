"""The canonical form of values and entries: the same bytes for the same facts on every database.

JSON with names sorted by code point, no white space and no floats, so that a hash over a stored entry can be repeated
elsewhere.
"""

import base64
import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from types import NoneType
from typing import Any
from uuid import UUID

ENTRY_FORMAT = 1


def canonical_value(raw: object) -> Any:
    """`raw` as string, bool, null or integer; documents keep their shape. Raises TypeError for anything else."""
    kind = type(raw)
    if kind in FORMS:
        return FORMS[kind](raw)
    if isinstance(raw, Enum):
        return canonical_value(raw.value)
    base = next((each for each in FORMS if isinstance(raw, each)), None)
    if base is None:
        raise TypeError(f"the audit log has no form for {kind.__name__}")
    return FORMS[base](raw)


def format_instant(at: datetime) -> str:
    """RFC 3339 in UTC, always four digits of a year and six of a second."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def keep(raw: Any) -> Any:
    return raw


FORMS: Mapping[type, Callable[[Any], Any]] = {
    NoneType: keep,
    bool: keep,
    str: keep,
    int: keep,
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


def encode(entry: Mapping[str, Any]) -> bytes:
    """The canonical bytes of a stored entry."""
    document = {"format": ENTRY_FORMAT, **{name: canonical_value(item) for name, item in entry.items()}}
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
