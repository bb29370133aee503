"""Endpoints about one item of any module, from the change log."""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query

from app.core.context import Principal
from app.core.db.entity import table_of
from app.core.db.pagination import Page, RowPage
from app.core.http.dependencies import Caller, read_dry_run, read_only, require_reason
from app.core.http.guards import requires
from app.core.http.route import IfMatch
from app.core.http.router import Router
from app.core.resources.router import Endpoints, Resource
from app.modules.audit.items.revert import revert
from app.modules.audit.items.schemas import DifferenceRead, ItemHistoryQuery, Point, PointGiven, Revert, StateRead
from app.modules.audit.items.service import ItemService
from app.modules.audit.models import add_tables
from app.modules.audit.schemas import AUDIT, ChangeRead, Item

Items = Annotated[ItemService, read_only(ItemService)]
FromPoint = Annotated[Point, Query(alias="from", description="The first state: an instant, or the `seq` of an entry.")]
ToPoint = Annotated[
    Point | None,
    Query(alias="to", description="The second state: an instant, or the `seq` of an entry; without it, the newest."),
]


def add_history(router: Router, resource: Resource, *, path: str = "") -> None:
    """Add what the change log says of one item to the router of `resource`, below `path`.

    `GET {id}/history`, `…/as-of` and `…/diff` require the module's read permission or `audit:read`, and show all to
    auditors of the module. `POST {id}/revert` requires what an update requires.
    """
    endpoints = ItemEndpoints(router, resource, path)
    add_tables(endpoints.slug, endpoints.entity)
    endpoints.add_entries()
    endpoints.add_states()
    endpoints.add_revert()


class ItemEndpoints(Endpoints):
    """Adds the endpoints of the change log to the router of a resource."""

    def __init__(self, router: Router, resource: Resource, path: str) -> None:
        super().__init__(router, resource, path)
        self.entity = table_of(resource.service.repository.model).name
        self.of_one = f"of one {resource.name}"

    def add_read(self, path: str, verb: str, endpoint: Callable[..., Any], summary: str, model: Any) -> None:
        """Add an endpoint for readers of the module, and for those of the audit log."""
        guard = requires(f"{self.slug}:read", "audit:read")
        options = {"name": f"{self.entity}_{verb}", "response_model": model, "dependencies": [guard]}
        self.add(f"/{{id}}/{path}", verb, endpoint, summary, methods=["GET"], **options)

    async def find(self, items: ItemService, caller: Principal, item_id: UUID) -> Item:
        """The item, if the caller may read what the change log says of it: also of a hidden one, to restore it.

        Raises NotFound.
        """
        item = Item(self.entity, item_id)
        if not self.may_audit(caller):
            await items.check_visible(item, or_hidden=bool(caller.scopes_of(f"{self.slug}:delete")))
        return item

    def may_audit(self, caller: Principal) -> bool:
        """Whether the caller reads the log of the module, and not only the module."""
        return caller.may("audit:read") or self.slug in caller.modules_with(AUDIT)

    def add_entries(self) -> None:
        async def list_history(
            items: Items, caller: Caller, id: UUID, query: Annotated[ItemHistoryQuery, Query()]
        ) -> RowPage:
            page = await items.history(await self.find(items, caller, id), query)
            return page if self.may_audit(caller) else without_addresses(page)

        summary = f"List the changes {self.of_one}. Each entry says who, when, and from which values to which."
        self.add_read("history", "history", list_history, summary, Page[ChangeRead])

    def add_states(self) -> None:
        async def get_state(
            items: Items, caller: Caller, id: UUID, query: Annotated[PointGiven, Query()]
        ) -> dict[str, Any]:
            return await items.read(await self.find(items, caller, id), query.point)

        async def compare_states(
            items: Items, caller: Caller, id: UUID, start: FromPoint, end: ToPoint = None
        ) -> dict[str, Any]:
            return await items.compare(await self.find(items, caller, id), start, end)

        summary = f"Get a past state {self.of_one}. It is rebuilt from the change log."
        self.add_read("as-of", "as_of", get_state, summary, StateRead)
        summary = f"Compare two states {self.of_one}. The answer has the fields that differ."
        self.add_read("diff", "diff", compare_states, summary, DifferenceRead)

    def add_revert(self) -> None:
        resource = self.resource

        async def revert_item(items: self.writer, id: UUID, target: Revert, if_match: IfMatch = None) -> Any:
            return await revert(items, resource.update, id, target, if_match)

        summary = f"Make {self.a_one} what it was. It is a change like any other, which names its source."
        guard = self.guard("update")
        has_dry_run = any(part.dependency is read_dry_run for part in guard)
        others = [Depends(require_reason), *([] if has_dry_run else [Depends(read_dry_run)])]
        options = {"response_model": resource.read, "dependencies": [*guard, *others]}
        self.add("/{id}/revert", "revert", revert_item, summary, methods=["POST"], **options)


def without_addresses(page: RowPage) -> RowPage:
    """`page` as readers of a module see it."""
    return replace(page, items=[{**row, "ip": None, "user_agent": None} for row in page.items])
