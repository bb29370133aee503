"""The declaration of a module for roles and menus."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from re import compile as compile_pattern

from app.core.context import ALL_ROWS

STANDARD_ACTIONS = ("read", "create", "update", "delete", "audit")
"""The actions of every module."""
EXPORT = "export"
"""The own action that a module declares where reading its lists is not enough to get them as files."""
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

    @property
    def export_permission(self) -> str | None:
        """The permission that files of the lists need, where the module declares one."""
        return f"{self.slug}:{EXPORT}" if EXPORT in self.actions else None

    def __post_init__(self) -> None:
        taken = {*STANDARD_ACTIONS, ALL_ROWS}
        for name in (*self.actions, *self.scopes):
            if not NAME.fullmatch(name) or name in taken:
                raise ValueError(f"the module {self.slug} cannot have an action or a scope called {name!r}")
