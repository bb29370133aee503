"""What a module declares about itself."""

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
