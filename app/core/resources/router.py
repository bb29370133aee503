"""The endpoints that every CRUD resource has, from one declaration."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request

from app.core.db.entity import table_of
from app.core.db.field_rules import bind_rules
from app.core.db.group_query import group_query_of, groupable
from app.core.db.grouping import fetch_groups
from app.core.db.pagination import EntityQuery, ItemQuery, Page, RowPage
from app.core.http.dependencies import read_only, transactional
from app.core.http.file_upload import UploadBatches, UploadRoute, runs_later, uploaded_file
from app.core.http.guards import requires
from app.core.http.later import Accepted, Prefer
from app.core.http.listing import Listing
from app.core.http.route import IfMatch
from app.core.http.router import Router
from app.core.http.state import state_of
from app.core.resources.bulk import Bulk, BulkResult, BulkRoute, execute
from app.core.resources.declared import DeclaredResource, resources
from app.core.resources.imports.file_format import ItemSchemas
from app.core.resources.imports.guard import requires_for_mode
from app.core.resources.imports.importer import IMPORT_ABOUT, import_file
from app.core.resources.imports.later import import_later
from app.core.resources.imports.report import ImportOrder, ImportQuery, ImportReport
from app.core.resources.imports.sets import row_schema
from app.core.resources.schemas import Patch, Read, Schema
from app.core.resources.service import Service, tells_what_is_stored
from app.core.resources.summary import summary_schema


@dataclass(frozen=True, kw_only=True)
class Resource:
    """The declaration of a CRUD resource.

    `name` is one item in words (`stock movement`); the router's slug names all of them. `guard` gives the dependencies
    of an endpoint by its action (create, read, update, delete), exactly one guard among them; by default the permission
    of that action, and to read where the answer tells what is stored. `write` injects a service that writes, where the
    service needs more than a session. `summaries` replace the summaries of endpoints, by their verb. `title` is the
    field that names an item on a screen, where it is not the usual one: see `openapi.lists`.
    """

    name: str
    service: type[Service[Any]]
    create: type[Schema]
    update: type[Patch]
    read: type[Read]
    query: type[EntityQuery]
    guard: Callable[[str], list[Any]] | None = None
    write: Any = None
    summaries: dict[str, str] | None = None
    title: str | None = None
    has_bulk: bool = True
    """Whether items can be changed in bulk and imported."""


def add_resource(router: Router, resource: Resource, *, path: str = "") -> None:
    """Add list, summary, create, bulk, import, get, update, delete and restore to `router`, below `path`.

    The list is also a file (CSV, NDJSON); every POST that requires a permission accepts an idempotency key.
    Raises BadFieldRule.
    """
    router.declare_scopes(resource.service.repository.model.row_scopes)
    bind_rules(
        table_of(resource.service.repository.model), router.module, resource.read, resource.create, resource.update
    )
    endpoints = Endpoints(router, resource, path)
    endpoints.add_list()
    endpoints.add_summary()
    endpoints.add_create()
    if resource.has_bulk:
        endpoints.add_bulk()
        endpoints.add_import()
    endpoints.add_item()
    endpoints.add_removal()
    declare(endpoints)


class Endpoints:
    """Adds the endpoints of one resource to its router."""

    def __init__(self, router: Router, resource: Resource, path: str) -> None:
        self.router = router
        self.resource = resource
        self.path = path
        self.slug = router.module.slug if router.module else ""
        self.one = resource.name.replace(" ", "_")
        self.many = self.slug.replace("-", "_")
        self.many_in_words = self.slug.replace("-", " ")
        self.a_one = f"{'an' if self.one[0] in 'aeiou' else 'a'} {resource.name}"
        self.reader: Any = Annotated[resource.service, read_only(resource.service, allow_replica=True)]
        self.list_path = f"{router.prefix}{path}"
        self.schemas = ItemSchemas(resource.create, resource.update, resource.read)
        self.writer: Any = Annotated[resource.service, resource.write or transactional(resource.service)]

    def guard(self, action: str) -> list[Any]:
        if self.resource.guard:
            return self.resource.guard(action)
        is_blind = action == "create" and not tells_what_is_stored(self.resource.service)
        return [requires(f"{self.slug}:{action}", without_read=is_blind)]

    def add(self, path: str, verb: str, endpoint: Callable[..., Any], summary: str, **options: Any) -> None:
        """Add `endpoint` as the operation `{verb}_{one item}`, unless `options` name it."""
        options = {"methods": [verb.upper()], "name": f"{verb}_{self.one}", **options}
        summary = (self.resource.summaries or {}).get(verb, summary)
        options |= {"summary": summary.partition(".")[0], "description": summary}
        self.router.add_api_route(f"{self.path}{path}", endpoint, **options)

    def add_list(self) -> None:
        resource, read_query = self.resource, Annotated[self.resource.query, Query()]

        async def list_items(items: self.reader, query: read_query) -> RowPage:
            page: RowPage = await items.page(query)
            return page

        self.add(
            "",
            "list",
            list_items,
            f"List {self.many_in_words}.",
            methods=["GET"],
            name=f"list_{self.many}",
            response_model=Page[resource.read],
            dependencies=[*self.guard("read"), Depends(self.describe_items())],
        )

    def describe_items(self) -> Listing:
        """What the items are."""
        resource, service = self.resource, self.resource.service
        rows = service.repository
        return Listing(
            one=resource.name,
            table=table_of(rows.model),
            title=resource.title,
            transitions=service.transitions,
            sets=rows.sets,
            importable=row_schema(resource.create, rows.sets) if resource.has_bulk else None,
        )

    def add_summary(self) -> None:
        resource = self.resource
        if not groupable(resource.query):
            return
        read_query = Annotated[group_query_of(resource.query), Query()]

        async def summarize_items(items: self.reader, query: read_query) -> Any:
            return await fetch_groups(items.rows, query)

        self.add(
            "/summary",
            "summarize",
            summarize_items,
            f"Count {self.many_in_words} by what they have in common. It takes the filters of the list.",
            methods=["GET"],
            name=f"summarize_{self.many}",
            response_model=summary_schema(resource.read, resource.query),
            dependencies=self.guard("read"),
        )

    def add_create(self) -> None:
        resource = self.resource

        async def create_item(items: self.writer, data: resource.create) -> Any:
            return await items.create(data)

        self.add(
            "",
            "create",
            create_item,
            f"Create {self.a_one}.",
            methods=["POST"],
            response_model=resource.read,
            status_code=HTTPStatus.CREATED,
            dependencies=self.guard("create"),
        )

    def add_bulk(self) -> None:
        resource, body = self.resource, Bulk[self.resource.create, self.resource.update]

        async def bulk_items(items: self.writer, data: body) -> Any:
            return await execute(items, data)

        self.add(
            "/bulk",
            "bulk",
            bulk_items,
            f"Create, change and delete {self.many_in_words} in one request: all, or none.",
            methods=["POST"],
            name=f"bulk_{self.many}",
            response_model=BulkResult[resource.read],
            responses={
                HTTPStatus.NOT_FOUND: {},
                HTTPStatus.PRECONDITION_FAILED: {},
                HTTPStatus.PRECONDITION_REQUIRED: {},
            },
            dependencies=[requires(*(f"{self.slug}:{action}" for action in Bulk.actions))],
            route_class_override=BulkRoute,
        )

    def add_import(self) -> None:
        resource = self.resource

        async def import_items(
            batches: UploadBatches,
            request: Request,
            query: Annotated[ImportQuery, Query()],
            prefer: Prefer = None,  # noqa: ARG001  # `runs_later` reads it, before the transaction
        ) -> Any:
            order = ImportOrder(path=self.list_path, query=query, needs_version=needs_version(request))
            if runs_later(request):
                return await import_later(request, order)
            return await import_file(resource.service, self.schemas, uploaded_file(request), order, batches)

        self.add(
            "/import",
            "import",
            import_items,
            f"Create or change {self.many_in_words} from a CSV or NDJSON file. {IMPORT_ABOUT}",
            methods=["POST"],
            name=f"import_{self.many}",
            response_model=ImportReport,
            responses={HTTPStatus.ACCEPTED: {"model": Accepted, "description": "A job imports the file."}},
            dependencies=[requires_for_mode(self.slug)],
            route_class_override=UploadRoute,
        )

    def add_item(self) -> None:
        resource = self.resource

        async def get_item(items: self.reader, id: UUID, query: Annotated[ItemQuery, Query()]) -> Any:
            return await items.get(id, deleted=query.deleted == "only")

        async def update_item(items: self.writer, id: UUID, data: resource.update, if_match: IfMatch = None) -> Any:
            return await items.update(id, data, if_match)

        read, update = self.guard("read"), self.guard("update")
        summary = f"Change some fields of {self.a_one}."
        self.add("/{id}", "get", get_item, f"Get {self.a_one}.", response_model=resource.read, dependencies=read)
        self.add(
            "/{id}",
            "update",
            update_item,
            summary,
            methods=["PATCH"],
            response_model=resource.read,
            dependencies=update,
        )

    def add_removal(self) -> None:
        async def delete_item(items: self.writer, id: UUID, if_match: IfMatch = None) -> None:
            await items.delete(id, if_match)

        async def restore_item(items: self.writer, id: UUID, if_match: IfMatch = None) -> Any:
            return await items.restore(id, if_match)

        self.add(
            "/{id}",
            "delete",
            delete_item,
            f"Hide {self.a_one}.",
            status_code=HTTPStatus.NO_CONTENT,
            dependencies=self.guard("delete"),
        )
        self.add(
            "/{id}/restore",
            "restore",
            restore_item,
            f"Make a hidden {self.resource.name} visible again.",
            methods=["POST"],
            response_model=self.resource.read,
            dependencies=self.guard("delete"),
        )


def needs_version(request: Request) -> bool:
    """Whether a change must name the version that it is of."""
    return state_of(request).settings.limits.require_if_match


def declare(endpoints: Endpoints) -> None:
    """Let work without a request find a resource, unless it is one of an item, whose id is in its path."""
    module, resource = endpoints.router.module, endpoints.resource
    if module is not None and "{" not in endpoints.list_path:
        resources[endpoints.list_path] = DeclaredResource(
            module=module.slug,
            export_permission=module.export_permission,
            service=resource.service,
            query=resource.query,
            schemas=endpoints.schemas,
            importable=endpoints.describe_items().importable,
        )
