"""The declaration of a module for roles and menus."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from re import compile as compile_pattern

from app.core.context import ALL_ROWS

STANDARD_ACTIONS = ("read", "create", "update", "delete", "audit")
"""The actions of every module."""
NAME = compile_pattern(r"[a-z][a-z0-9-]{0,39}")


@dataclass(frozen=True)
class ModuleInfo:
    """A module as roles and menus know it. Written to the database at start-up.

    `actions` are its own actions besides the standard ones, and `scopes` the parts of its rows that a grant can be
    limited to, each with what an administrator reads: `{"move-stock": "Record stock movements"}`.
    Raises ValueError for a name that is no name, or means something else.
    """

    slug: str
    name: str
    group: str
    icon: str
    route: str
    sort_order: int
    actions: Mapping[str, str] = field(default_factory=dict)
    scopes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        taken = {*STANDARD_ACTIONS, ALL_ROWS}
        for name in (*self.actions, *self.scopes):
            if not NAME.fullmatch(name) or name in taken:
                raise ValueError(f"the module {self.slug} cannot have an action or a scope called {name!r}")
