"""The permissions that an import needs, by what its mode does."""

from app.core.context import Principal
from app.core.errors import permission_denied

ACTIONS = {"create": ("create",), "update": ("update",), "upsert": ("create", "update")}
"""What each mode of an import does."""


def check_mode(principal: Principal, slug: str, mode: str) -> str | None:
    """The permission by which a caller imports in a mode; None for one that there is not. Raises Forbidden."""
    held = None
    for action in ACTIONS.get(mode, ()):  # any other mode is refused with the parameters
        held = f"{slug}:{action}"
        if not principal.scopes_of(held):
            raise permission_denied(f"This needs the permission {held}.", held)
    return held
