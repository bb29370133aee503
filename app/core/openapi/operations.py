"""Completes an operation: its description, security, idempotency key, dry run and files."""

from collections.abc import Iterator
from typing import Any

from app.core.http.audit_reason import MAX_CHARACTERS
from app.core.http.file_formats import FILE_TYPES, PARQUET
from app.core.http.file_upload import UploadRoute
from app.core.http.form_file import FIELD, FORM
from app.core.http.guards import Authenticated, Public, RequiresInSomeModule, RequiresPermission, SignedByService
from app.core.http.preflight import IDEMPOTENCY_HEADER
from app.core.http.query_parameters import flatten
from app.core.http.route import Route
from app.core.http.same_origin import HEADER as BROWSER_HEADER
from app.core.http.same_origin import VALUE, SameOrigin
from app.core.openapi.access import access_of
from app.core.openapi.actions import filter_actions
from app.core.openapi.descriptions import field_lines
from app.core.openapi.schemas import reference

Json = dict[str, Any]

IDEMPOTENCY_KEY: Json = {
    "name": IDEMPOTENCY_HEADER,
    "in": "header",
    "required": False,
    "description": "Makes the request safe to retry: for a day, by default, the same key gets the first response.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[\x21-\x7e]+$"},
}

AUDIT_REASON: Json = {
    "name": "Audit-Reason",
    "in": "header",
    "required": False,
    "description": "Why you make the request, for the audit log. E-mail addresses and credentials in it are masked.",
    "schema": {"type": "string", "maxLength": MAX_CHARACTERS},
}

OF_A_BROWSER: Json = {
    "name": BROWSER_HEADER,
    "in": "header",
    "required": True,
    "description": "Says that a script of our own page calls: no form can send it.",
    "schema": {"type": "string", "const": VALUE},
}

PATH_PARAMETERS = {
    "id": "The identifier of the item.",
    "user_id": "The identifier of the user.",
    "role_id": "The identifier of the role.",
    "call_id": "The identifier of the call, from `Attest-Call-ID`.",
    "movement_id": "The identifier of the stock movement.",
}


def complete_operation(operation: Json, route: Route, schemas: Json) -> None:
    """Add description, security, idempotency key, dry run, and files in both directions to `operation`."""
    operation["description"] = " ".join(description_of(operation, route))
    operation["security"] = security_of(route)
    describe_parameters(operation, route)
    if route.preflight.takes_idempotency_key:
        operation.setdefault("parameters", []).append(dict(IDEMPOTENCY_KEY))
    if isinstance(route.guard, SameOrigin):
        operation.setdefault("parameters", []).append(dict(OF_A_BROWSER))
    if not isinstance(route.guard, Public) and "GET" not in (route.methods or ()):
        operation.setdefault("parameters", []).append({**AUDIT_REASON, "required": route.requires_reason})
    if route.has_dry_run:
        add_preview(operation["responses"], schemas)
    if isinstance(route, UploadRoute):
        operation["requestBody"] = {"required": True, "content": upload_content()}
    if route.item is not None:
        operation["responses"]["200"]["content"] |= {kind: file_schema(kind) for kind in route.preflight.file_types}
        operation.setdefault("parameters", []).extend(file_parameters(route))
    operation["x-access"] = access_of(route, operation)


def describe_parameters(operation: Json, route: Route) -> None:
    """Describe path parameters, and query parameters that are fields of a query model, with what they need."""
    lines: dict[str, str] = {}
    actions: dict[str, Json] = {}
    for part in flatten(route.dependant):
        for field in part.query_params:
            if isinstance(field.field_info.annotation, type):
                lines |= field_lines(field.field_info.annotation)
                actions |= filter_actions(field.field_info.annotation)
    for parameter in operation.get("parameters", ()):
        known = PATH_PARAMETERS if parameter["in"] == "path" else lines
        if parameter["name"] in known:
            parameter.setdefault("description", known[parameter["name"]])
        if parameter["in"] == "query":
            parameter.update(actions.get(parameter["name"], {}))


def security_of(route: Route) -> list[Json]:
    if isinstance(route.guard, Public):
        return []
    if isinstance(route.guard, SignedByService):
        return [{"signature": []}]
    return [{"session": []}, {"bearer": []}]


def description_of(operation: Json, route: Route) -> Iterator[str]:
    """The sentences of a description: the docstring's, and those that follow from what the route declares."""
    text = str(operation.get("description", "")).strip()
    yield text if text.endswith(".") else f"{text}."
    yield from guard_sentences(route)
    if route.item is not None:
        yield f"The list is also a file: `Accept: {'` or `'.join(route.preflight.file_types)}`."
        if isinstance(route.guard, RequiresPermission) and route.guard.export:
            yield f"A file requires the permission `{route.guard.export}`, too."
    if route.has_dry_run:
        yield "With `dry_run=true` nothing is changed, and the response is a preview of the effects."
    if route.preflight.takes_if_match:
        yield "Send `If-Match` to act only on the version that you read."
    if route.preflight.takes_idempotency_key:
        yield "Safe to retry with an `Idempotency-Key`."


def guard_sentences(route: Route) -> Iterator[str]:
    guard = route.guard
    if isinstance(guard, Public):
        yield (
            "Public."
            if not isinstance(guard, SameOrigin)
            else "For pages of this server: `Sec-Fetch-Site: same-origin`."
        )
    elif isinstance(guard, SignedByService):
        yield "For signed calls of internal services."
    elif isinstance(guard, RequiresPermission):
        names = " or ".join(f"`{permission}`" for permission in guard.permissions)
        yield f"Requires the permission {names}{read_too(guard)}."
        if isinstance(guard, RequiresInSomeModule):
            yield f"Callers with `{{module}}:{guard.action}` get what belongs to that module."
    else:
        yield "Requires an authenticated caller."
    if isinstance(guard, Authenticated) and guard.session_only:
        yield "API keys are rejected."


def read_too(guard: RequiresPermission) -> str:
    """The permissions that a guard requires beside another one: to read, and those of other modules."""
    slug, _, action = guard.permissions[0].partition(":")
    needed = [*([] if guard.without_read or action == "read" else [f"{slug}:read"]), *guard.also]
    return "".join(f", and `{permission}`" for permission in needed)


def upload_content() -> Json:
    """The bodies of an upload, the form first: generators send the first that they can, and all of them can a form."""
    about = "A CSV or NDJSON file, by the ending of its name or its media type."
    file = {"type": "string", "format": "binary", "maxLength": 2**53 - 1, "description": about}
    form = {"type": "object", "required": [FIELD], "properties": {FIELD: file}, "additionalProperties": False}
    return {FORM: {"schema": form}} | {kind: file_schema(kind) for kind in FILE_TYPES}


def file_schema(kind: str) -> Json:
    about = "A Parquet file." if kind == PARQUET else "One item a line, UTF-8."
    return {"schema": {"type": "string", "maxLength": 2**53 - 1, "description": about}}


def file_parameters(route: Route) -> Iterator[Json]:
    """The parameters by which a client chooses how a list is written to a file."""
    options = route.file_options
    if options is None:
        return
    lines, schema = field_lines(options), options.model_json_schema()["properties"]
    for name, field in schema.items():
        choices = next((option for option in field.get("anyOf", ()) if "enum" in option), field)
        kept = {key: value for key, value in choices.items() if key in ("type", "enum", "default")}
        yield {"name": name, "in": "query", "required": False, "description": lines[name], "schema": kept}


def add_preview(responses: Json, schemas: Json) -> None:
    """Add the preview to the 200 response: a dry run returns it, whatever the status of the change itself."""
    preview = reference("schemas", "Preview")
    content = responses.setdefault("200", {"description": "Dry run", "content": {}}).setdefault("content", {})
    usual = content.get("application/json", {}).get("schema")
    if usual and usual.get("type") == "array":
        name = usual["items"]["$ref"].rpartition("/")[2] + "List"
        schemas[name] = usual  # ReDoc shows both schemas only if both have names, and an example
        example = {"dry_run": True, "effects": []}
        content["application/json"] = {"schema": {"oneOf": [reference("schemas", name), preview]}, "example": example}
        return
    content["application/json"] = {"schema": {"oneOf": [usual, preview]} if usual else preview}
