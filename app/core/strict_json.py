"""Strict JSON (RFC 8259, I-JSON RFC 7493): refuses duplicate names, NaN, NUL, lone surrogates and deep nesting.

The number of values is limited too, because each unknown member costs the time of an error message.
"""

import json
import re
from typing import Any

from app.core.errors import Malformed

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""NUL and lone surrogates, which no database stores."""
STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?')
"""A string, also one without its end: the search never begins a second time in the same text."""

MAX_MEMBERS = 1_000
"""The most members of one object."""

MAX_VALUES = 10_000
"""The most values of a document: objects, members and items of lists."""
TOO_MANY = f"The JSON body has more than {MAX_VALUES} values."


class Count:
    """Counts the values of one document."""

    def __init__(self) -> None:
        self.values = 0

    def check_value(self, value: object, levels: int) -> None:
        """Raise Malformed for nesting beyond `levels`, too many values, and text that no database stores."""
        if isinstance(value, str):
            if UNSTORABLE.search(value):
                raise Malformed("The JSON body holds a character that text cannot hold.")
        elif isinstance(value, (dict, list)):
            if levels == 0:
                raise Malformed("The JSON body nests too deep.")
            self.values += len(value) + isinstance(value, dict)
            if self.values > MAX_VALUES:
                raise Malformed(TOO_MANY)
            if isinstance(value, dict):
                for name in value:
                    self.check_value(name, levels - 1)
            for item in value.values() if isinstance(value, dict) else value:
                self.check_value(item, levels - 1)


def build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object with these members. Raises Malformed where a name occurs twice, or for too many members."""
    if len(pairs) > MAX_MEMBERS:
        raise Malformed(f"The JSON body has an object of more than {MAX_MEMBERS} members.")
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Malformed("The JSON body names a member twice.")
    return members


def check_commas(text: str) -> None:
    """Raise Malformed for JSON with more commas than values are allowed, before anything is built of it.

    A mebibyte of empty lists costs more time to build than any other body.
    """
    if text.count(",") > MAX_VALUES and STRING.sub("", text).count(",") > MAX_VALUES:
        raise Malformed(TOO_MANY)


def reject_constant(name: str) -> None:
    raise Malformed(f"{name} is not JSON.")


DECODER = json.JSONDecoder(object_pairs_hook=build_object, parse_constant=reject_constant)


def check(body: bytes, max_depth: int) -> None:
    """Raise Malformed unless `body` is strict JSON of at most `max_depth` levels and `MAX_VALUES` values."""
    parse(body, max_depth)


def parse(body: bytes, max_depth: int) -> Any:
    """The value of strict JSON of at most `max_depth` levels and `MAX_VALUES` values. Raises Malformed."""
    try:
        text = body.decode("utf-8")
        check_commas(text)
        value = DECODER.decode(text)
    except UnicodeDecodeError as error:
        raise Malformed("The body is not UTF-8.") from error
    except RecursionError as error:
        raise Malformed(f"The JSON body nests deeper than {max_depth} levels.") from error
    except ValueError as error:
        raise Malformed("The body is not valid JSON.") from error
    Count().check_value(value, max_depth)
    return value
