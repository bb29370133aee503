"""The router of a module, which declares the module to roles, menus and the document."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

from fastapi import APIRouter

from app.core.fields.icon import check_icon
from app.core.http.guards import signed_by_service
from app.core.http.route import Route
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

    `actions` and `scopes` are those of the module: see `ModuleInfo`. The audience `internal` puts the guard for signed
    calls on every route.
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
        scopes: Mapping[str, str] | None = None,
    ) -> None:
        path = prefix if prefix is not None else f"/{slug}"
        super().__init__(
            prefix=path,
            tags=[Tag(tag or slug or path.strip("/"), about)],
            route_class=Route,
            redirect_slashes=False,
            dependencies=[signed_by_service(), *dependencies] if audience == "internal" else dependencies,
        )
        check_icon(icon)
        self.module: ModuleInfo | None = None
        if slug:
            title, declared = name or slug.title(), (actions or {}, scopes or {})
            self.module = ModuleInfo(slug, title, group, icon, f"/{slug}", sort_order, *declared)
