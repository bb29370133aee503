"""Descriptions of fields: the line below a field in the code, read from the source when the document is built.

Pydantic's `use_attribute_docstrings` would read every source file at each start of the application.
"""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from inspect import cleandoc, getsource
from typing import Any

from pydantic import BaseModel

Json = dict[str, Any]

PACKAGE = "app."


def add_descriptions(schemas: Json) -> None:
    """Describe every property of `schemas` that is a field of one of our models."""
    models = {model.__name__: model for model in subclasses_of(BaseModel) if model.__module__.startswith(PACKAGE)}
    for name, schema in schemas.items():
        if name in models:
            lines = field_lines(models[name])
            for field, node in schema.get("properties", {}).items():
                if field in lines:
                    node.setdefault("description", lines[field])


def subclasses_of(base: type[Any]) -> Iterator[type[Any]]:
    """Every class below `base`."""
    for below in base.__subclasses__():
        yield below
        yield from subclasses_of(below)


def field_lines(model: type[Any]) -> dict[str, str]:
    """The line below each field of `model`, inherited fields included."""
    lines: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if base.__module__.startswith(PACKAGE):
            lines |= lines_of_module(base.__module__).get(base.__name__, {})
    return lines


@cache
def lines_of_module(module: str) -> dict[str, dict[str, str]]:
    """The lines below the fields of every class of a module, by class."""
    classes = [node for node in ast.parse(getsource(sys.modules[module])).body if isinstance(node, ast.ClassDef)]
    return {node.name: dict(lines_of_class(node)) for node in classes}


def lines_of_class(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    """Pairs of (field, the line below it)."""
    for field, below in zip(node.body, node.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(below, ast.Expr):
            value = below.value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield field.target.id, " ".join(cleandoc(value.value).split())
