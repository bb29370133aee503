"""The OpenAPI document: operation ids that read as functions, and the problem response of every operation."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from app.core.problems import MEDIA_TYPE

FIELD_ERROR = {
    "type": "object",
    "required": ["pointer", "detail", "code"],
    "properties": {name: {"type": "string"} for name in ("pointer", "detail", "code")},
}
PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457 problem details.",
    "required": ["type", "title", "status", "detail", "instance", "code", "request_id"],
    "properties": {
        **{name: {"type": "string"} for name in ("type", "title", "detail", "instance", "code", "request_id")},
        "status": {"type": "integer"},
        "errors": {"type": "array", "items": FIELD_ERROR},
    },
}
EFFECT = {
    "type": "object",
    "required": ["user_id", "username", "gained", "lost"],
    "properties": {
        "user_id": {"type": "string", "format": "uuid"},
        "username": {"type": "string"},
        **{name: {"type": "array", "items": {"type": "string"}} for name in ("gained", "lost")},
    },
}
PREVIEW = {
    "type": "object",
    "title": "Preview",
    "description": "What a change would do to whom, had it not been a dry run.",
    "required": ["dry_run", "effects"],
    "properties": {"dry_run": {"const": True}, "effects": {"type": "array", "items": EFFECT}},
}
PREVIEW_REFERENCE = {"$ref": "#/components/schemas/Preview"}
REFERENCE = {"description": "Problem", "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
VALIDATION_SCHEMAS = ("HTTPValidationError", "ValidationError")


def operation_id(route: APIRoute) -> str:
    return route.name


def document(app: FastAPI) -> dict[str, Any]:
    """The document, made once. Every operation declares `default` as a problem, in place of FastAPI's own 422."""
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        schemas = schema.setdefault("components", {}).setdefault("schemas", {})
        for name in VALIDATION_SCHEMAS:
            schemas.pop(name, None)
        schemas |= {"Problem": PROBLEM, "Preview": PREVIEW}
        for path in schema["paths"].values():
            for operation in path.values():
                operation["responses"].pop("422", None)
                operation["responses"]["default"] = REFERENCE
                if any(parameter["name"] == "dry_run" for parameter in operation.get("parameters", ())):
                    add_preview(operation["responses"])
        app.openapi_schema = schema
    return app.openapi_schema


def add_preview(responses: dict[str, Any]) -> None:
    """A dry run answers 200 with a preview, whatever the change itself would answer."""
    content = responses.setdefault("200", {"description": "Dry run", "content": {}}).setdefault("content", {})
    usual = content.get("application/json", {}).get("schema")
    if usual and usual.get("type") == "array":
        responses["200"]["description"] += "; a dry run answers a Preview"  # ReDoc cannot draw an array or an object
        return
    content["application/json"] = {"schema": {"oneOf": [usual, PREVIEW_REFERENCE]} if usual else PREVIEW_REFERENCE}
