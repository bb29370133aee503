"""The endpoints of a set of linked items (many-to-many)."""

from http import HTTPStatus
from typing import Annotated, Any, ClassVar
from uuid import UUID

from fastapi import Path, Query
from pydantic import Field, create_model

from app.core.db.links import LinkSet
from app.core.db.pagination import FieldsQuery, Page, PageQuery, RowPage
from app.core.db.session import ReadSession, Session
from app.core.http.dependencies import read_only, transactional
from app.core.http.guards import requires
from app.core.http.route import IfMatch
from app.core.http.router import Router
from app.core.resources.link_service import LinkService
from app.core.resources.members import MemberIds
from app.core.resources.router import Endpoints, Resource
from app.core.resources.schemas import Schema
from app.core.resources.service import Service


class MemberQuery(FieldsQuery, PageQuery):
    """The parameters of a list of linked items."""

    sortable: ClassVar[tuple[str, ...]] = ("name", "created_at", "updated_at")
    default_sort: ClassVar[str] = "name"


def add_link(router: Router, resource: Resource, links: LinkSet, members: type[Service[Any]]) -> None:
    """Add the endpoints of a set to the router of `resource`: list, replace, add one and remove one.

    `members` is the service of the linked items. The endpoints require what reading or updating the item requires, and
    to read the linked items.
    """
    endpoints = LinkEndpoints(router, resource, links, members)
    endpoints.add_members()
    endpoints.add_replacement()
    endpoints.add_member()


class LinkEndpoints(Endpoints):
    """Adds the endpoints of one set."""

    def __init__(self, router: Router, resource: Resource, links: LinkSet, members: type[Service[Any]]) -> None:
        super().__init__(router, resource, "")
        self.members = members
        self.set = links
        self.read: Any = Annotated[LinkService, read_only(self.build, allow_replica=True)]
        self.write: Any = Annotated[LinkService, transactional(self.build)]

    def build(self, session: Session | ReadSession) -> LinkService:
        return LinkService(self.set, self.resource.service(session), self.members(session))

    def add_set(self, path: str, endpoint: Any, summary: str, **options: Any) -> None:
        """Add an endpoint of the set, with the guard for its method."""
        action = "read" if options["methods"] == ["GET"] else "update"
        guard = requires(f"{self.slug}:{action}", also=[self.set.read_permission])
        self.add(f"/{{id}}/{self.set.name}{path}", "link", endpoint, summary, **options, dependencies=[guard])

    def add_members(self) -> None:
        async def list_members(links: self.read, id: UUID, query: Annotated[MemberQuery, Query()]) -> RowPage:
            page: RowPage = await links.page(id, query)
            return page

        summary = f"List the {self.set.name} of {self.a_one}."
        shown: Any = self.members.repository.read
        self.add_set(
            "",
            list_members,
            summary,
            methods=["GET"],
            response_model=Page[shown],
            name=f"list_{self.one}_{self.set.name}",
        )

    def add_replacement(self) -> None:
        body: Any = set_schema(self.resource, self.set)

        async def replace_members(links: self.write, id: UUID, data: body, if_match: IfMatch = None) -> Any:
            return await links.replace(id, getattr(data, self.set.field), if_match)

        summary = f"Replace the {self.set.name} of {self.a_one}."
        options = {
            "methods": ["PUT"],
            "response_model": self.resource.read,
            "name": f"replace_{self.one}_{self.set.name}",
        }
        self.add_set("", replace_members, summary, **options)

    def add_member(self) -> None:
        member = Annotated[UUID, Path(alias=self.set.key, description=f"The {self.set.words}.")]

        async def add_one(links: self.write, id: UUID, one: member, if_match: IfMatch = None) -> Any:
            return await links.add(id, one, if_match)

        async def remove_one(links: self.write, id: UUID, one: member, if_match: IfMatch = None) -> None:
            await links.remove(id, one, if_match)

        path, name = f"/{{{self.set.key}:uuid}}", f"{self.one}_{self.set.members.name}"
        options = {"methods": ["PUT"], "response_model": self.resource.read, "name": f"add_{name}"}
        self.add_set(path, add_one, f"Add one of the {self.set.name} of {self.a_one}.", **options)
        options = {"methods": ["DELETE"], "status_code": HTTPStatus.NO_CONTENT, "name": f"remove_{name}"}
        self.add_set(path, remove_one, f"Remove one of the {self.set.name} of {self.a_one}.", **options)


def set_schema(resource: Resource, links: LinkSet) -> type[Schema]:
    """The body that replaces a set: `{"tag_ids": […]}`."""
    about = f"All {links.name}, by their ids. Those that are not among them are removed."
    fields: dict[str, Any] = {links.field: (MemberIds, Field(description=about))}
    name = f"{resource.create.__name__.removesuffix('Create')}{links.name.title().replace('_', '')}"
    return create_model(name, __base__=Schema, __doc__=f"The {links.name} of one {resource.name}.", **fields)
