"""The router of a module, which declares the module to roles, menus and the document."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, Self, cast

from fastapi import APIRouter
from starlette.routing import BaseRoute

from app.core.db.row_scopes import RowScopes
from app.core.fields.icon import check_icon
from app.core.http.call_plan import UnsupportedDeclaration
from app.core.http.guards import guard_files, signed_by_service
from app.core.http.route import Route, item_of_page
from app.core.runtime.module_info import ModuleInfo


class Tag(str):
    """The name of a group of operations in the document, with its description."""

    about: str

    def __new__(cls, name: str, about: str) -> Self:
        tag = super().__new__(cls, name)
        tag.about = about
        return tag


class Router(APIRouter):
    """The router of a module. `slug` names the module in permissions; without it no route can require one.

    `actions` are those of the module: see `ModuleInfo`. The audience `internal` puts the guard for signed calls on
    every route.
    """

    def __init__(  # noqa: PLR0913  # options, all by keyword
        self,
        slug: str | None = None,
        *,
        prefix: str | None = None,
        name: str = "",
        group: str = "",
        icon: str = "",
        sort_order: int = 0,
        tag: str | None = None,
        about: str = "",
        audience: Literal["everybody", "internal"] = "everybody",
        dependencies: Sequence[Any] = (),
        actions: Mapping[str, str] | None = None,
    ) -> None:
        path = prefix if prefix is not None else f"/{slug}"
        super().__init__(
            prefix=path,
            tags=[Tag(tag or slug or path.strip("/"), about)],
            route_class=Route,
            redirect_slashes=False,
            dependencies=[signed_by_service(), *dependencies] if audience == "internal" else dependencies,
        )
        self.placed: dict[str, list[BaseRoute]] = {}
        """The routes below each prefix that was asked for."""
        check_icon(icon)
        self.module: ModuleInfo | None = None
        if slug:
            self.module = ModuleInfo(slug, name or slug.title(), group, icon, f"/{slug}", sort_order, actions or {})

    def add_api_route(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        """Add a route. Files of a list need the permission to export, where the module declares one."""
        permission = self.module.export_permission if self.module else None
        if permission is not None and item_of_page(options.get("response_model")) is not None:
            options["dependencies"] = guard_files(options.get("dependencies") or (), permission)
        super().add_api_route(path, endpoint, **options)

    def routes_below(self, prefix: str) -> list[BaseRoute]:
        """The routes with their paths below `prefix`, made once.

        Raises UnsupportedDeclaration for a router that includes others, which `ROUTERS` of the module should name.
        """
        if prefix not in self.placed:
            self.placed[prefix] = place_routes(self, prefix)
        return self.placed[prefix]

    def declare_scopes(self, rows: RowScopes | None) -> None:
        """Let grants of the module be limited to the scopes of its rows, if they have any.

        Raises ValueError for those of another module.
        """
        if rows is None:
            return
        if self.module is None or self.module.slug != rows.module:
            raise ValueError(f"{self.prefix} has rows with scopes of the module {rows.module}")
        self.module = replace(self.module, scopes={**self.module.scopes, **rows.titles})


def place_routes(router: APIRouter, prefix: str) -> list[BaseRoute]:
    """The routes of `router` with their paths below `prefix`, and not analysed again, as FastAPI's inclusion would.

    Raises UnsupportedDeclaration for a router that includes others.
    """
    if not all(isinstance(route, Route) for route in router.routes):
        raise UnsupportedDeclaration(f"{router.prefix}: a router of a module includes no others: see ROUTERS")
    return [cast("Route", route).below(prefix) for route in router.routes]
