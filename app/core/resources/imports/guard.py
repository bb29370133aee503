"""The guard of imports: an import needs the permissions of what its mode does."""

from typing import Any

from fastapi import Depends, Request

from app.core.context import Principal
from app.core.errors import permission_denied
from app.core.http.guards import RequiresPermission

ACTIONS = {"create": ("create",), "update": ("update",), "upsert": ("create", "update")}
"""What each mode of an import does."""


class RequiresForMode(RequiresPermission):
    """Requires the permissions that the query parameter `mode` needs, and to read the module."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"{slug}:create", f"{slug}:update")
        self.slug = slug

    @property
    def by_parameter(self) -> dict[str, dict[str, list[str]]]:
        return {"mode": {mode: [f"{self.slug}:{action}" for action in actions] for mode, actions in ACTIONS.items()}}

    def check_permissions(self, principal: Principal, request: Request) -> str:
        held = super().check_permissions(principal, request)
        for mode in request.query_params.getlist("mode") or ["create"]:
            for action in ACTIONS.get(mode, ()):  # any other mode is refused with the parameters
                held = f"{self.slug}:{action}"
                if not principal.scopes_of(held):
                    raise permission_denied(f"This needs the permission {held}.", held)
        return held


def requires_for_mode(slug: str) -> Any:
    """The guard of the import of a module."""
    return Depends(RequiresForMode(slug))
