"""The declaration of a module for roles and menus."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ModuleInfo:
    """A module as roles and menus know it. Written to the database at start-up."""

    slug: str
    name: str
    group: str
    icon: str
    route: str
    sort_order: int
