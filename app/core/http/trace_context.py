"""The trace that a request belongs to, by its `traceparent` header (W3C Trace Context, level 1)."""

import re
from collections.abc import Sequence

TRACEPARENT = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<parent>[0-9a-f]{16})-[0-9a-f]{2}(?P<later>-.*)?"
)
FIRST_VERSION, FORBIDDEN_VERSION = "00", "ff"


def trace_id_of(values: Sequence[str]) -> str | None:
    """The trace id, if there is exactly one header and it is valid; a later version may append fields."""
    match = TRACEPARENT.fullmatch(values[0]) if len(values) == 1 else None
    if match is None or match["version"] == FORBIDDEN_VERSION:
        return None
    if match["version"] == FIRST_VERSION and match["later"] is not None:
        return None
    is_valid = int(match["trace"], 16) and int(match["parent"], 16)
    return match["trace"] if is_valid else None
