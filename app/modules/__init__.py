"""The vertical slices. A folder here is a module; nothing else registers it."""

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from types import ModuleType


def discover(part: str) -> Iterator[ModuleType]:
    """Import `part` (say `router`, `models` or `hooks`) of every module that has one."""
    for module in sorted(iter_modules(__path__), key=lambda found: found.name):
        name = f"{__name__}.{module.name}.{part}"
        if find_spec(name):
            yield import_module(name)
