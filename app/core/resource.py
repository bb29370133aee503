"""The endpoints that every resource has, from one declaration: what is the same everywhere is written once."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request

from app.core.bodies import kind_of
from app.core.bulk import Bulk, BulkResult, BulkRoute, carry_out
from app.core.db import provided, reading
from app.core.guard import requires
from app.core.importing import Importer, ImportQuery, ImportReport
from app.core.page import EntityQuery, Page
from app.core.routing import IfMatch, Router
from app.core.schema import Patch, Read, Schema
from app.core.service import Service
from app.core.uploads import UploadRoute, uploaded


@dataclass(frozen=True)
class Resource:
    """`name` is one item in words (`stock movement`); the router's slug names all of them."""

    name: str
    service: type[Service[Any]]
    create: type[Schema]
    update: type[Patch]
    read: type[Read]
    query: type[EntityQuery]


def add_resource(router: Router, resource: Resource) -> None:
    """Add list, create, bulk, import, get, update, delete and restore to `router`, guarded by its module.

    The list is also a file (CSV, NDJSON) for whoever asks for one; every POST takes an idempotency key.
    """
    for add in (add_collection, add_bulk, add_import, add_item):
        add(router, resource, Names.of(router, resource))


@dataclass(frozen=True)
class Names:
    """How the endpoints of a resource are called: `list_brands`, `create_brand`, and in words."""

    slug: str
    one: str
    many: str
    many_in_words: str

    @classmethod
    def of(cls, router: Router, resource: Resource) -> "Names":
        slug = router.module.slug if router.module else ""
        return cls(slug, resource.name.replace(" ", "_"), slug.replace("-", "_"), slug.replace("-", " "))

    @property
    def a_one(self) -> str:
        return f"{'an' if self.one[0] in 'aeiou' else 'a'} {self.one.replace('_', ' ')}"


def typed(endpoint: Callable[..., Any], name: str, summary: str, **types: Any) -> Callable[..., Any]:
    """`endpoint` under a name of its own, with the types of one resource."""
    endpoint.__name__ = endpoint.__qualname__ = name
    endpoint.__doc__ = summary
    endpoint.__annotations__ |= types
    return endpoint


def add_collection(router: Router, resource: Resource, names: Names) -> None:
    async def page(items: Any, query: Any) -> Any:
        return await items.page(query)

    async def create(items: Any, data: Any) -> Any:
        return await items.create(data)

    query: Any = Annotated[resource.query, Query()]
    read, write = reads(resource), writes(resource)
    page = typed(page, f"list_{names.many}", f"List {names.many_in_words}.", items=read, query=query)
    create = typed(create, f"create_{names.one}", f"Create {names.a_one}.", items=write, data=resource.create)
    router.get("", response_model=Page[resource.read], dependencies=[requires(f"{names.slug}:read")])(page)  # type: ignore[name-defined]  # made here
    router.post(
        "",
        response_model=resource.read,
        status_code=HTTPStatus.CREATED,
        dependencies=[requires(f"{names.slug}:create")],
    )(create)


def add_bulk(router: Router, resource: Resource, names: Names) -> None:
    async def bulk(items: Any, data: Any) -> Any:
        return await carry_out(items, data)

    write, body = writes(resource), Bulk[resource.create, resource.update]  # type: ignore[name-defined]  # made here
    summary = f"Create, change and delete {names.many_in_words} in one request: all, or none."
    bulk = typed(bulk, f"bulk_{names.many}", summary, items=write, data=body)
    router.add_api_route(
        "/bulk",
        bulk,
        methods=["POST"],
        response_model=BulkResult[resource.read],  # type: ignore[name-defined]  # made here
        responses={HTTPStatus.NOT_FOUND: {}, HTTPStatus.PRECONDITION_FAILED: {}, HTTPStatus.PRECONDITION_REQUIRED: {}},
        dependencies=[requires(*(f"{names.slug}:{action}" for action in Bulk.actions))],
        route_class_override=BulkRoute,
    )


def add_import(router: Router, resource: Resource, names: Names) -> None:
    async def load(items: Any, request: Request, query: Annotated[ImportQuery, Query()]) -> Any:
        return await Importer(items, resource.create, query).run(uploaded(request), kind_of(request))

    summary = f"Create {names.many_in_words} from a CSV or NDJSON file."
    router.add_api_route(
        "/import",
        typed(load, f"import_{names.many}", summary, items=writes(resource)),
        methods=["POST"],
        response_model=ImportReport,
        dependencies=[requires(f"{names.slug}:create")],
        route_class_override=UploadRoute,
    )


def add_item(router: Router, resource: Resource, names: Names) -> None:
    async def get(items: Any, id: UUID) -> Any:
        return await items.get(id)

    async def update(items: Any, id: UUID, data: Any, if_match: IfMatch = None) -> Any:
        return await items.update(id, data, if_match)

    async def delete(items: Any, id: UUID, if_match: IfMatch = None) -> None:
        await items.delete(id, if_match)

    async def restore(items: Any, id: UUID, if_match: IfMatch = None) -> Any:
        return await items.restore(id, if_match)

    one, write = names.one, writes(resource)
    deleting = [requires(f"{names.slug}:delete")]
    get = typed(get, f"get_{one}", f"Get {names.a_one}.", items=reads(resource))
    update = typed(update, f"update_{one}", f"Change some fields of {names.a_one}.", items=write, data=resource.update)
    delete = typed(delete, f"delete_{one}", f"Hide {names.a_one}.", items=write)
    restore = typed(restore, f"restore_{one}", f"Bring a hidden {one.replace('_', ' ')} back.", items=write)
    router.get("/{id}", response_model=resource.read, dependencies=[requires(f"{names.slug}:read")])(get)
    router.patch("/{id}", response_model=resource.read, dependencies=[requires(f"{names.slug}:update")])(update)
    router.delete("/{id}", status_code=HTTPStatus.NO_CONTENT, dependencies=deleting)(delete)
    router.post("/{id}/restore", response_model=resource.read, dependencies=deleting)(restore)


def reads(resource: Resource) -> Any:
    return Annotated[resource.service, reading(resource.service)]


def writes(resource: Resource) -> Any:
    return Annotated[resource.service, provided(resource.service)]
