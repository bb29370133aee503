"""Strict JSON (RFC 8259, I-JSON RFC 7493): refuses duplicate names, NaN, NUL, lone surrogates and deep nesting."""

import json
import re
from typing import Any

from app.core.errors import Malformed

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""NUL and lone surrogates, which no database stores."""


def build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object with these members. Raises Malformed where a name occurs twice."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Malformed("The JSON body names a member twice.")
    return members


def reject_constant(name: str) -> None:
    raise Malformed(f"{name} is not JSON.")


def check(body: bytes, max_depth: int) -> None:
    """Raise Malformed unless `body` is strict JSON of at most `max_depth` levels."""
    try:
        text = body.decode("utf-8")
        value = json.loads(text, object_pairs_hook=build_object, parse_constant=reject_constant)
    except UnicodeDecodeError as error:
        raise Malformed("The body is not UTF-8.") from error
    except RecursionError as error:
        raise Malformed(f"The JSON body nests deeper than {max_depth} levels.") from error
    except ValueError as error:
        raise Malformed("The body is not valid JSON.") from error
    check_value(value, max_depth)


def check_value(value: object, levels: int) -> None:
    """Raise Malformed for nesting beyond `levels` and for text that no database stores."""
    if isinstance(value, str):
        if UNSTORABLE.search(value):
            raise Malformed("The JSON body holds a character that text cannot hold.")
    elif isinstance(value, (dict, list)):
        if levels == 0:
            raise Malformed("The JSON body nests too deep.")
        if isinstance(value, dict):
            for name in value:
                check_value(name, levels - 1)
        for item in value.values() if isinstance(value, dict) else value:
            check_value(item, levels - 1)
