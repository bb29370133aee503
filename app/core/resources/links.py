"""The endpoints of a set of linked items (many-to-many)."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any, ClassVar, Self
from uuid import UUID

from fastapi import Depends, Path, Query
from pydantic import BaseModel, Field, create_model, model_validator

from app.core.db.entity import table_of
from app.core.db.links import MAX_MEMBERS, LinkSet
from app.core.db.pagination import FieldsQuery, Page, PageQuery, RowPage
from app.core.db.session import ReadSession, Session
from app.core.fields.read_only import Repeated
from app.core.http.dependencies import read_only, transactional
from app.core.http.guards import requires
from app.core.http.listing import Listing
from app.core.http.route import IfMatch
from app.core.http.router import Router
from app.core.resources.link_service import LinkService
from app.core.resources.members import MemberIds
from app.core.resources.router import Endpoints, Resource
from app.core.resources.schemas import Schema
from app.core.resources.service import Service
from app.core.sentences import refusal


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

    def add_set(self, path: str, endpoint: Any, summary: str, *others: Any, **options: Any) -> None:
        """Add an endpoint of the set, with the guard for its method, and `others` of its dependencies."""
        action = "read" if options["methods"] == ["GET"] else "update"
        guard = requires(f"{self.slug}:{action}", also=[self.set.read_permission])
        self.add(f"/{{id}}/{self.set.name}{path}", "link", endpoint, summary, **options, dependencies=[guard, *others])

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
            Depends(Listing(one=self.set.words, table=table_of(self.members.repository.model))),
            methods=["GET"],
            response_model=Page[shown],
            name=f"list_{self.one}_{self.set.name}",
        )

    def add_replacement(self) -> None:
        body: Any = set_schema(self.resource, self.set, self.members.repository.read)

        async def replace_members(links: self.write, id: UUID, data: body, if_match: IfMatch = None) -> Any:
            return await links.replace(id, data.members(), if_match, data.place_of)

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


class SetBody(Schema):
    """The body that replaces a set: the ids of its members, or the whole list of them as a response shows it."""

    ids_field: ClassVar[str]

    items: list[Any] | None = Field(None, max_length=MAX_MEMBERS)
    """All members, as the list of the set shows them. Of each, the id is read."""
    next_cursor: str | None = None
    """That of the list, which is null where it has the whole set."""
    total: Repeated = None
    """That of the list. It changes nothing."""
    total_is_exact: Repeated = None
    """That of the list. It changes nothing."""

    @model_validator(mode="after")
    def has_one_list(self) -> Self:
        ids = getattr(self, self.ids_field)
        if (ids is None) == (self.items is None):
            raise refusal("one-list", f"Send either {self.ids_field} or items.")
        if self.next_cursor is not None:
            raise refusal("incomplete-set", "This is a page of the set, not all of it; read it with limit=100.")
        return self

    def members(self) -> Sequence[UUID]:
        """The ids of the members."""
        ids: list[UUID] | None = getattr(self, self.ids_field)
        return ids if ids is not None else [item.id for item in self.items or ()]

    def place_of(self, index: int) -> str:
        """The pointer to a member."""
        return f"/{self.ids_field}/{index}" if self.items is None else f"/items/{index}/id"


def set_schema(resource: Resource, links: LinkSet, shown: type[BaseModel]) -> type[SetBody]:
    """The body that replaces a set: `{"tag_ids": […]}`, or the list of its members, which have the fields `shown`."""
    name = f"{resource.create.__name__.removesuffix('Create')}{links.name.title().replace('_', '')}"
    as_shown = Field(None, description="As the list shows it. It changes nothing.")
    member: dict[str, Any] = dict.fromkeys(shown.model_fields, (Repeated, as_shown))
    member["id"] = (UUID, Field(description=f"The {links.words}."))
    item: Any = create_model(f"{name}Item", __base__=Schema, __doc__=f"A {links.words} as the list shows it.", **member)
    about = f"All {links.name}, by their ids. Those that are not among them are removed."
    fields: dict[str, Any] = {
        links.field: (MemberIds | None, Field(None, description=about)),
        "items": (list[item] | None, SetBody.model_fields["items"]),
    }
    body = create_model(name, __base__=SetBody, __doc__=f"The {links.name} of one {resource.name}.", **fields)
    body.ids_field = links.field
    return body
