"""The endpoints of items that are part of another item, from one declaration."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Path, Query

from app.core.db.entity import table_of
from app.core.db.field_rules import bind_rules
from app.core.db.pagination import Page, PageQuery, RowPage
from app.core.http.dependencies import read_only, transactional
from app.core.http.listing import Listing
from app.core.http.router import Router
from app.core.resources.child_service import ChildService
from app.core.resources.router import Endpoints, Resource
from app.core.resources.schemas import Read, Schema


@dataclass(frozen=True, kw_only=True)
class Child:
    """The declaration of items that are part of another item, and are only added: the movements of a stock.

    `name` is one of them in words (`stock movement`), `path` the last part of the path (`stock-movements`).
    `summary` says what adding one does, and `action` is the action of the module that it requires.
    """

    name: str
    path: str
    service: type[ChildService[Any, Any]]
    create: type[Schema]
    read: type[Read]
    query: type[PageQuery]
    summary: str
    action: str = "update"

    @property
    def key(self) -> str:
        """The parameter of the path that names one of them."""
        return f"{self.name.split()[-1]}_id"


def add_children(router: Router, resource: Resource, child: Child) -> None:
    """Add list (and files), create and get below an item of `resource`.

    They require to read the item, and to add one, the action that `child` names.
    """
    bind_rules(table_of(child.service.repository.model), router.module, child.read, child.create)
    endpoints = ChildEndpoints(router, resource, child)
    endpoints.add_creation()
    endpoints.add_children()
    endpoints.add_child()


class ChildEndpoints(Endpoints):
    """Adds the endpoints of the parts of an item."""

    def __init__(self, router: Router, resource: Resource, child: Child) -> None:
        super().__init__(router, resource, "")
        self.child = child
        self.path = f"/{{id}}/{child.path}"
        self.names = child.path.replace("-", "_")
        self.name = child.name.replace(" ", "_")
        self.reader: Any = Annotated[child.service, read_only(child.service, allow_replica=True)]
        self.writer: Any = Annotated[child.service, transactional(child.service)]

    def add_creation(self) -> None:
        child = self.child

        async def create_child(items: self.writer, id: UUID, data: child.create) -> Any:
            return await items.create(id, data)

        self.add(
            "",
            "create_child",
            create_child,
            child.summary,
            methods=["POST"],
            name=f"create_{self.name}",
            response_model=child.read,
            status_code=HTTPStatus.CREATED,
            dependencies=self.guard(child.action),
        )

    def add_children(self) -> None:
        query_type = Annotated[self.child.query, Query()]
        listing = Listing(one=self.child.name, table=table_of(self.child.service.repository.model))

        async def list_children(items: self.reader, id: UUID, query: query_type) -> RowPage:
            page: RowPage = await items.page(id, query)
            return page

        self.add(
            "",
            "list_children",
            list_children,
            f"List the {self.child.path.replace('-', ' ')} of {self.a_one}.",
            methods=["GET"],
            name=f"list_{self.names}",
            response_model=Page[self.child.read],
            dependencies=[*self.guard("read"), Depends(listing)],
        )

    def add_child(self) -> None:
        key = Annotated[UUID, Path(alias=self.child.key)]

        async def get_child(items: self.reader, id: UUID, one: key) -> Any:
            return await items.get(id, one)

        self.add(
            f"/{{{self.child.key}:uuid}}",
            "get_child",
            get_child,
            f"Get one {self.child.name}.",
            methods=["GET"],
            name=f"get_{self.name}",
            response_model=self.child.read,
            dependencies=self.guard("read"),
        )
