"""The forms of numbers and truth values in a URL: those that JSON has, so that one value has one spelling.

Pydantic reads text leniently: `1_0`, `1.0` and ` 5` as whole numbers, `yes` and `on` as true.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
PATTERNS: Mapping[type, re.Pattern[str]] = {
    bool: re.compile("true|false"),
    int: re.compile("-?[0-9]+"),
    float: NUMBER,
    Decimal: NUMBER,
}
EXAMPLES: Mapping[type, str] = {
    bool: "true or false",
    int: "a whole number in digits, such as 10",
    float: "a number in digits, such as 1.5",
    Decimal: "a number in digits, such as 19.90",
}


@dataclass(frozen=True)
class Form:
    """What text stands for a value: one of `kinds`, or of `words`."""

    kinds: tuple[type, ...]
    words: tuple[str, ...]

    def allows(self, text: str) -> bool:
        return text in self.words or any(PATTERNS[kind].fullmatch(text) for kind in self.kinds)

    def error(self, place: str, name: str, text: str) -> dict[str, Any]:
        """The error of a parameter, in the shape of Pydantic's."""
        options = " or ".join([*(EXAMPLES[kind] for kind in self.kinds), *self.words])
        code = f"{self.kinds[0].__name__.lower()}_parsing"
        context: dict[str, Any] = {"params": {}}
        return {"type": code, "loc": (place, name), "msg": f"Write {options}.", "input": text, "ctx": context}


def forms_of(fields: Mapping[str, FieldInfo]) -> dict[str, Form]:
    """The forms of those of `fields` that are numbers or truth values, or lists of them, by their names in a URL."""
    found = ((info.alias or name, form_of(info.annotation)) for name, info in fields.items())
    return {name: form for name, form in found if form is not None}


def form_of(annotation: Any) -> Form | None:
    """The form of values of this type; None where it is for the type itself to read text."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return None
    options = list(options_of(annotation))
    kinds = tuple(option for option in options if isinstance(option, type) and option in PATTERNS)
    words = tuple(option for option in options if isinstance(option, str))
    return Form(kinds, words) if kinds and len(kinds) + len(words) == len(options) else None


def options_of(annotation: Any) -> Iterator[Any]:
    """The types that `annotation` is made of, and the texts of its literals; an element, where it is a list."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        yield from (argument if isinstance(argument, str) else type(argument) for argument in arguments)
    elif origin in (Union, UnionType, list, set, tuple, frozenset):
        for argument in arguments:
            yield from options_of(argument)
    elif origin is Annotated:
        yield from options_of(arguments[0])
    elif annotation not in (NoneType, Ellipsis):
        yield annotation
