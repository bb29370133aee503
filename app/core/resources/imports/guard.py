"""The guard of imports: an import needs the permissions of what its mode does."""

from typing import Any

from fastapi import Depends, Request

from app.core.context import Principal
from app.core.http.guards import RequiresPermission
from app.core.resources.imports.permissions import ACTIONS, check_mode


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
            held = check_mode(principal, self.slug, mode) or held
        return held


def requires_for_mode(slug: str) -> Any:
    """The guard of the import of a module."""
    return Depends(RequiresForMode(slug))
