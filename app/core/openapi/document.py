"""Builds the OpenAPI document: FastAPI's, completed with the behaviour of our routes."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts

from app.core.http.route import Route
from app.core.http.router import Tag
from app.core.openapi.actions import add_actions
from app.core.openapi.bounds import add_bounds, remove_null
from app.core.openapi.descriptions import add_descriptions
from app.core.openapi.labels import add_labels
from app.core.openapi.lists import add_resources
from app.core.openapi.operations import complete_operation
from app.core.openapi.responses import HEADERS, RESPONSES, responses_of
from app.core.openapi.schemas import PREVIEW, PROBLEM

Json = dict[str, Any]

VALIDATION_SCHEMAS = ("HTTPValidationError", "ValidationError")
SERVER = {"description": "The server that served this document: local, test or production.", "x-internal": False}
SESSION = (
    "An access token (a JWT after RFC9068, verified as RFC8725 requires: one pinned algorithm, an explicit type,"
    " checked issuer and audience) or an API key, as `Authorization: Bearer`."
)
BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "An access token or an API key, in the same header.",
}
SIGNATURE = {
    "type": "apiKey",
    "in": "header",
    "name": "X-Signature",
    "description": "HMAC-SHA-256 over the call, with `X-Key-Id`, `X-Timestamp` and `X-Nonce`.",
}


def operation_id(route: APIRoute) -> str:
    return route.name


def build_document(app: FastAPI, root_path: str, token_url: str) -> Json:
    """The document, built once. Below `root_path`, clients get an access token at `token_url`."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            servers=[{"url": root_path or "/", **SERVER}],
            tags=[{"name": name, "description": text} for name, text in sorted(tag_descriptions(app).items())],
            contact={"name": "The Attest authors"},
            license_info={"name": "MIT", "identifier": "MIT"},
        )
        document = rename_generic_schemas(complete_document(document, dict(operations(app)), root_path + token_url))
        add_descriptions(document["components"]["schemas"])
        add_actions(document["components"]["schemas"])
        add_labels(document["components"]["schemas"])
        app.openapi_schema = document
    return app.openapi_schema


def tag_descriptions(app: FastAPI) -> dict[str, str]:
    """The descriptions that routers give their tags."""
    contexts = iter_route_contexts(app.routes)
    return {str(tag): tag.about for context in contexts for tag in context.tags or () if isinstance(tag, Tag)}


def operations(app: FastAPI) -> Iterator[tuple[tuple[str, str], Route]]:
    """Our routes, by path and method."""
    for context in iter_route_contexts(app.routes):
        if isinstance(context.original_route, Route):
            for method in context.methods or ():
                yield (str(context.path_format), method.lower()), context.original_route


def complete_document(document: Json, routes: dict[tuple[str, str], Route], token_url: str) -> Json:
    """`document` with the problems, headers, limits and security of each operation."""
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in VALIDATION_SCHEMAS:
        schemas.pop(name, None)
    schemas |= {"Problem": PROBLEM, "Preview": PREVIEW}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            route = routes[path, method]
            complete_operation(operation, route, schemas)
            operation["responses"] = responses_of(operation, route, method)
            for parameter in operation.get("parameters", ()):
                remove_null(parameter)
            add_bounds(operation)
    add_bounds(schemas)
    add_resources(document, routes)
    password = {"tokenUrl": token_url, "refreshUrl": f"{token_url}/refresh", "scopes": {}}
    session = {"type": "oauth2", "description": SESSION, "flows": {"password": password}}
    security = {"session": session, "bearer": BEARER, "signature": SIGNATURE}
    components |= {"headers": HEADERS, "responses": RESPONSES, "securitySchemes": security}
    return document


def rename_generic_schemas(document: Json) -> Json:
    """`document` with generic schemas by their names in code: `TaskPage`, not `Page_TaskRead_`."""
    schemas = document["components"]["schemas"]
    names = {name: schema["title"] for name, schema in schemas.items() if name.endswith("_")}
    result: Json = rename_references(document, {f"#/components/schemas/{old}": new for old, new in names.items()})
    result["components"]["schemas"] = {
        names.get(name, name): schema for name, schema in result["components"]["schemas"].items()
    }
    return result


def rename_references(node: object, names: dict[str, str]) -> Any:
    """`node` with every `$ref` in `names` pointing to its new name."""
    if isinstance(node, dict):
        if node.get("$ref") in names:
            return {"$ref": f"#/components/schemas/{names[node['$ref']]}"}
        return {key: rename_references(value, names) for key, value in node.items()}
    return [rename_references(value, names) for value in node] if isinstance(node, list) else node
