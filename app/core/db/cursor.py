"""Cursors of keyset pages: the position of the last row, signed, and bound to the list that it belongs to."""

from typing import Any

import orjson

from app.core.errors import Invalid, invalid
from app.core.security import base64url
from app.core.security.encryption import is_equal, keyed_hash

MAC_BYTES = 16


def sign_cursor(key: bytes, scope: bytes, position: list[Any]) -> str:
    """A cursor at `position` (the sort values of a row). `scope` is a digest of list, filters and sort."""
    payload = orjson.dumps(position)
    return base64url.encode(keyed_hash(key, scope + payload)[:MAC_BYTES] + payload)


def verify_cursor(key: bytes, scope: bytes, cursor: str) -> list[Any]:
    """The position in `cursor`. Raises Invalid if it was altered, or belongs to another list, filter or sort."""
    try:
        raw = base64url.decode(cursor)
    except ValueError as error:
        raise bad_cursor() from error
    mac, payload = raw[:MAC_BYTES], raw[MAC_BYTES:]
    if not is_equal(mac, keyed_hash(key, scope + payload)[:MAC_BYTES]):
        raise bad_cursor()
    return list(orjson.loads(payload))


def bad_cursor() -> Invalid:
    detail = "This cursor does not belong to this list, filter and sort."
    return invalid("/query/cursor", detail, "bad-cursor")
