"""The canonical form of values and rows: the same bytes for the same facts on every database.

JSON with names sorted by code point, no white space and no floats, so that a later hash over a stored row can be
repeated by anybody.
"""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

ROW_FORMAT = 1


def value(raw: Any) -> Any:
    """`raw` as string, bool, null or integer; documents keep their shape. Raises TypeError for anything else."""
    if raw is None or (isinstance(raw, (bool, str)) and not isinstance(raw, Enum)):
        return raw
    if isinstance(raw, Enum):
        return value(raw.value)
    if isinstance(raw, int):
        return raw
    if isinstance(raw, datetime):
        return instant(raw)
    if isinstance(raw, (date, UUID, Decimal)):
        return str(raw)
    if isinstance(raw, float):
        return repr(raw)
    if isinstance(raw, bytes):
        return base64.b64encode(raw).decode()
    if isinstance(raw, Mapping):
        return {str(name): value(item) for name, item in raw.items()}
    if isinstance(raw, (list, tuple)):
        return [value(item) for item in raw]
    raise TypeError(f"the record has no form for {type(raw).__name__}")


def instant(at: datetime) -> str:
    """RFC 3339 in UTC, always six digits of a second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def encode(row: Mapping[str, Any]) -> bytes:
    """The canonical bytes of a stored row."""
    document = {"format": ROW_FORMAT, **{name: value(item) for name, item in row.items()}}
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
