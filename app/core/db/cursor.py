"""Cursors of keyset pages: the position of the last row, encrypted, and bound to the list that it belongs to.

A position holds sort values, which may be personal: a name, an e-mail address. Cursors travel in URLs, where browsers,
proxies and logs keep them, so only the server can read them.
"""

from typing import Any

import orjson

from app.core.db.pagination import PageQuery
from app.core.db.session import ReadSession, Session
from app.core.errors import Invalid, invalid
from app.core.security import base64url
from app.core.security.encryption import decrypt, encrypt


def encrypt_cursor(key: bytes, scope: bytes, position: list[Any]) -> str:
    """A cursor at `position` (the sort values of a row). `scope` is a digest of list, filters and sort."""
    return base64url.encode(encrypt(key, orjson.dumps(position), scope))


def decrypt_cursor(key: bytes, scope: bytes, cursor: str) -> list[Any]:
    """The position in `cursor`. Raises Invalid if it was altered, or belongs to another list, filter or sort."""
    try:
        return list(orjson.loads(decrypt(key, base64url.decode(cursor), scope)))
    except ValueError as error:
        raise bad_cursor() from error


def read_cursor(session: Session | ReadSession, query: PageQuery, resource: str) -> tuple[list[Any] | None, list[Any]]:
    """The position in the cursor of `query`, and what the cursor keeps beside it. Raises Invalid."""
    if not query.cursor:
        return None, []
    found = decrypt_cursor(session.keys.cursor, query.cursor_scope(resource), query.cursor)
    size = len(query.sort_fields())
    return found[:size], found[size:]


def write_cursor(session: Session | ReadSession, query: PageQuery, resource: str, position: list[Any]) -> str:
    """A cursor at `position`, also for the URL of the next page."""
    cursor = encrypt_cursor(session.keys.cursor, query.cursor_scope(resource), position)
    session.context.next_cursor = cursor
    return cursor


def bad_cursor() -> Invalid:
    detail = "This cursor does not belong to this list, filter and sort."
    return invalid("/query/cursor", detail, "bad-cursor")
