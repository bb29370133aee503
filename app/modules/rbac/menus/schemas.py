"""Response schemas of permissions and menus."""

from app.core.resources.schemas import ResponseSchema


class PermissionRead(ResponseSchema):
    """What the caller may do in one module."""

    module_slug: str
    """The module."""
    can_create: bool
    """Whether the caller may create."""
    can_read: bool
    """Whether the caller may read."""
    can_update: bool
    """Whether the caller may update."""
    can_delete: bool
    """Whether the caller may delete, restore and list deleted items."""
    can_audit: bool
    """Whether the caller may read what the audit log says about the module."""
    actions: list[str]
    """The module's own actions that the caller may take."""
    scopes: dict[str, list[str]]
    """By action: the scopes in whose rows alone the caller may take it. An action for all rows is left out."""
    action_titles: dict[str, str]
    """Every action that the module has of its own, held or not, with what an administrator reads."""
    scope_titles: dict[str, str]
    """Every scope of the module, with what an administrator reads."""


class MenuModule(ResponseSchema):
    """A module in the menu."""

    name: str
    """The name to show."""
    slug: str
    """The stable name."""
    route: str
    """The path of its screen."""
    icon: str
    """The icon to show, by its name in Lucide."""
    sort_order: int
    """The position in its group."""
    permissions: PermissionRead
    """What the caller may do in it."""


class MenuGroup(ResponseSchema):
    """A group of modules in the menu."""

    group_name: str
    """The name to show."""
    slug: str
    """The stable name."""
    icon: str
    """The icon to show, by its name in Lucide."""
    sort_order: int
    """The position in the menu."""
    modules: list[MenuModule]
    """The modules that the caller may read."""
