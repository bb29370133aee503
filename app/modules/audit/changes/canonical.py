"""The canonical form of values and entries: the same bytes for the same facts on every database.

JSON with names sorted by code point, no white space and no floats, so that a hash over a stored entry can be repeated
elsewhere.
"""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

ENTRY_FORMAT = 1


def canonical_value(raw: object) -> Any:
    """`raw` as string, bool, null or integer; documents keep their shape. Raises TypeError for anything else."""
    if raw is None or (isinstance(raw, (bool, str)) and not isinstance(raw, Enum)):
        return raw
    if isinstance(raw, Enum):
        return canonical_value(raw.value)
    if isinstance(raw, int):
        return raw
    if isinstance(raw, datetime):
        return format_instant(raw)
    if isinstance(raw, (date, UUID, Decimal)):
        return str(raw)
    if isinstance(raw, float):
        return repr(raw)
    if isinstance(raw, bytes):
        return base64.b64encode(raw).decode()
    if isinstance(raw, Mapping):
        return {str(name): canonical_value(item) for name, item in raw.items()}
    if isinstance(raw, (list, tuple)):
        return [canonical_value(item) for item in raw]
    raise TypeError(f"the audit log has no form for {type(raw).__name__}")


def format_instant(at: datetime) -> str:
    """RFC 3339 in UTC, always six digits of a second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def encode(entry: Mapping[str, Any]) -> bytes:
    """The canonical bytes of a stored entry."""
    document = {"format": ENTRY_FORMAT, **{name: canonical_value(item) for name, item in entry.items()}}
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
