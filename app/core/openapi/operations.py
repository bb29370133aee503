"""What a route takes beyond its parameters and its body."""

from typing import Any

from app.core.export import FILE_KINDS
from app.core.guard import Internal, Public, SignedIn, note_dry_run
from app.core.idempotency import HEADER
from app.core.openapi.schemas import reference
from app.core.routing import Route
from app.core.uploads import UploadRoute

Json = dict[str, Any]

IDEMPOTENCY_KEY: Json = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "Makes the request safe to send again: for a day, by default, the same key gets the first answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[\x21-\x7e]+$"},
}


def complete(operation: Json, route: Route, schemas: Json) -> None:
    """Add security, the idempotency key, dry runs, and files in both directions to `operation`."""
    if any(isinstance(call, Public) for call in route.calls):
        operation["security"] = []
    if any(isinstance(call, Internal) for call in route.calls):
        operation["security"] = [{"signature": []}]
    if any(isinstance(call, SignedIn) for call in route.calls):
        operation["security"] = [{"session": []}, {"bearer": []}]
    if route.takes_idempotency_key:
        operation.setdefault("parameters", []).append(dict(IDEMPOTENCY_KEY))
    if note_dry_run in route.calls:
        add_preview(operation["responses"], schemas)
    if isinstance(route, UploadRoute):
        operation["requestBody"] = {"required": True, "content": {kind: file() for kind in FILE_KINDS}}
    if route.item is not None:
        operation["responses"]["200"]["content"] |= {kind: file() for kind in FILE_KINDS}


def file() -> Json:
    return {"schema": {"type": "string", "maxLength": 2**53 - 1, "description": "One item a line, UTF-8."}}


def add_preview(responses: Json, schemas: Json) -> None:
    """A dry run answers 200 with a preview, whatever the change itself would answer."""
    preview = reference("schemas", "Preview")
    content = responses.setdefault("200", {"description": "Dry run", "content": {}}).setdefault("content", {})
    usual = content.get("application/json", {}).get("schema")
    if usual and usual.get("type") == "array":
        name = usual["title"].removeprefix("Response ").replace(" ", "") + "Result"
        schemas[name] = usual  # ReDoc draws two kinds where both have names, and an example
        example = {"dry_run": True, "effects": []}
        content["application/json"] = {"schema": {"oneOf": [reference("schemas", name), preview]}, "example": example}
        return
    content["application/json"] = {"schema": {"oneOf": [usual, preview]} if usual else preview}
