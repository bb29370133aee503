"""JSON without leniency: no duplicate names, NaN, NUL, lone surrogates or deep nesting (RFC 8259, I-JSON RFC 7493)."""

import json
import re
from typing import Any

from app.core.errors import Malformed

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""NUL and lone surrogates: no database keeps them."""


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("The JSON body names a member twice.")
    return found


def refuse_constant(name: str) -> None:
    raise Malformed(f"{name} is not JSON.")


def check(body: bytes, max_depth: int) -> None:
    """Raise Malformed unless `body` is strict JSON of at most `max_depth` levels."""
    try:
        text = body.decode("utf-8")
        value = json.loads(text, object_pairs_hook=unique, parse_constant=refuse_constant)
    except UnicodeDecodeError as error:
        raise Malformed("The body is not UTF-8.") from error
    except RecursionError as error:
        raise Malformed(f"The JSON body nests deeper than {max_depth} levels.") from error
    except ValueError as error:
        raise Malformed("The body is not valid JSON.") from error
    inspect(value, max_depth)


def inspect(value: Any, levels: int) -> None:
    """Walk `value`, refusing depth and text that no database can keep."""
    if isinstance(value, str):
        if UNSTORABLE.search(value):
            raise Malformed("The JSON body holds a character that text cannot hold.")
    elif isinstance(value, (dict, list)):
        if levels == 0:
            raise Malformed("The JSON body nests too deep.")
        if isinstance(value, dict):
            for name in value:
                inspect(name, levels - 1)
        for item in value.values() if isinstance(value, dict) else value:
            inspect(item, levels - 1)
