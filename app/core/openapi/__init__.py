"""The OpenAPI document: what FastAPI knows, and what every route of ours keeps beyond it."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts

from app.core.openapi.answers import HEADERS, RESPONSES, answers_of
from app.core.openapi.bounds import bound, collapse
from app.core.openapi.operations import complete
from app.core.openapi.schemas import PREVIEW, PROBLEM
from app.core.routing import Route, Tag

Json = dict[str, Any]

VALIDATION_SCHEMAS = ("HTTPValidationError", "ValidationError")
SERVER = {
    "url": "/",
    "description": "The server that gave this document: local, test or production.",
    "x-internal": False,
}
SESSION = (
    "An access token (a JWT after RFC9068, verified as RFC8725 asks: one pinned algorithm, an explicit type, checked"
    " issuer and audience) or an API key, as `Authorization: Bearer`."
)
BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "The same header for whoever has a token already: an access token, or an API key.",
}
SIGNATURE = {
    "type": "apiKey",
    "in": "header",
    "name": "X-Signature",
    "description": "HMAC-SHA-256 over the call, with `X-Key-Id`, `X-Timestamp` and `X-Nonce`.",
}


def operation_id(route: APIRoute) -> str:
    return route.name


def document(app: FastAPI) -> Json:
    """The document, made once."""
    if app.openapi_schema is None:
        found = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            servers=[SERVER],
            tags=[{"name": name, "description": text} for name, text in sorted(tags(app).items())],
            contact={"name": "The Attest authors"},
            license_info={"name": "MIT", "identifier": "MIT"},
        )
        app.openapi_schema = renamed(completed(found, dict(operations(app))))
    return app.openapi_schema


def tags(app: FastAPI) -> dict[str, str]:
    """What the routers say of themselves, by tag."""
    contexts = iter_route_contexts(app.routes)
    return {str(tag): tag.about for context in contexts for tag in context.tags or () if isinstance(tag, Tag)}


def operations(app: FastAPI) -> Iterator[tuple[tuple[str, str], Route]]:
    """Routes by path and method."""
    for context in iter_route_contexts(app.routes):
        if isinstance(context.original_route, Route):
            for method in context.methods or ():
                yield (str(context.path_format), method.lower()), context.original_route


def completed(found: Json, routes: dict[tuple[str, str], Route]) -> Json:
    """`found` with the problems, headers, limits and security that hold for each operation."""
    components = found.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in VALIDATION_SCHEMAS:
        schemas.pop(name, None)
    schemas |= {"Problem": PROBLEM, "Preview": PREVIEW}
    for path, item in found["paths"].items():
        for method, operation in item.items():
            route = routes[path, method]
            complete(operation, route, schemas)
            operation["responses"] = answers_of(operation, route, method)
            for parameter in operation.get("parameters", ()):
                collapse(parameter)
            bound(operation)
    bound(schemas)
    session = components["securitySchemes"]["session"]
    session["description"] = SESSION
    session["flows"]["password"]["refreshUrl"] = f"{session['flows']['password']['tokenUrl']}/refresh"
    components["securitySchemes"] |= {"bearer": BEARER, "signature": SIGNATURE}
    return found | {"components": {**components, "headers": HEADERS, "responses": RESPONSES}}


def renamed(found: Json) -> Json:
    """`found` with the names that generic schemas have in code: `TaskPage`, not `Page_TaskRead_`."""
    schemas = found["components"]["schemas"]
    names = {name: schema["title"] for name, schema in schemas.items() if name.endswith("_")}
    result: Json = with_references(found, {f"#/components/schemas/{old}": new for old, new in names.items()})
    result["components"]["schemas"] = {
        names.get(name, name): schema for name, schema in result["components"]["schemas"].items()
    }
    return result


def with_references(node: Any, names: dict[str, str]) -> Any:
    if isinstance(node, dict):
        if node.get("$ref") in names:
            return {"$ref": f"#/components/schemas/{names[node['$ref']]}"}
        return {key: with_references(value, names) for key, value in node.items()}
    return [with_references(value, names) for value in node] if isinstance(node, list) else node
