"""Schemas of the document that no module declares: problems, and the preview of a policy change."""

from typing import Any

from app.core.field_errors import MAX_LINE_ERRORS
from app.core.http.problem_details import MEDIA_TYPE

Json = dict[str, Any]

TEXT = {"type": "string", "maxLength": 65_536}
SLUG = {"type": "string", "maxLength": 64, "pattern": "^[a-z0-9-]+$"}
POINTER = {"type": "string", "maxLength": 4096, "pattern": "^/", "description": "A JSON pointer into the request."}

PARAM: Json = {
    "oneOf": [
        TEXT,
        {"type": "number", "title": "Number In A Sentence"},
        {"type": "boolean"},
        {"type": "array", "maxItems": 1000, "items": TEXT},
        {"type": "null"},
    ]
}
PARAMS: Json = {
    "type": "object",
    "description": "The values that the sentence names, for clients that translate it. The code says which.",
    "additionalProperties": PARAM,
}
COUNT: Json = {"type": "integer", "minimum": 0}
FIELD_ERROR: Json = {
    "type": "object",
    "required": ["pointer", "detail", "code", "params"],
    "properties": {
        "pointer": POINTER,
        "detail": {**TEXT, "description": "What is wrong, in a sentence."},
        "code": {**SLUG, "description": "A stable code."},
        "params": PARAMS,
    },
}
PROBLEM: Json = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457 problem details.",
    "required": ["type", "title", "status", "detail", "instance", "code", "request_id"],
    "properties": {
        "type": {
            "type": "string",
            "format": "uri-reference",
            "maxLength": 400,
            "pattern": "^(/[^?#]*)?/problems/[a-z0-9-]+$",
            "description": "`/problems/<code>`, a page of this server that explains the code.",
        },
        "title": {"type": "string", "maxLength": 64, "description": "The phrase of the status."},
        "status": {
            "type": "integer",
            "format": "int32",
            "minimum": 400,
            "maximum": 599,
            "description": "The HTTP status.",
        },
        "detail": {**TEXT, "description": "What went wrong, in a sentence."},
        "instance": {"type": "string", "maxLength": 8192, "pattern": "^/", "description": "The path of the request."},
        "code": {**SLUG, "description": "Stable: branch on it."},
        "request_id": {
            "type": "string",
            "maxLength": 64,
            "pattern": "^[A-Za-z0-9._-]+$",
            "description": "The request id.",
        },
        "errors": {
            "type": "array",
            "maxItems": MAX_LINE_ERRORS,
            "items": FIELD_ERROR,
            "description": "The parts of the request that are at fault: always for 422, else where one can be named.",
        },
        "params": PARAMS,
        "created": {**COUNT, "description": "The items that a stopped import has created."},
        "updated": {**COUNT, "description": "The items that a stopped import has changed."},
        "unchanged": {**COUNT, "description": "The items that a stopped import found as the file has them."},
        "stopped_at_line": {"type": "integer", "minimum": 1, "description": "The line where a stopped import goes on."},
    },
    "examples": [
        {
            "type": "/problems/not-found",
            "title": "Not Found",
            "status": 404,
            "detail": "There is no task 01890000-0000-7000-8000-000000000000.",
            "instance": "/api/v1/tasks/01890000-0000-7000-8000-000000000000",
            "code": "not-found",
            "request_id": "01a1feac-9116-773e-9009-28bf72f10a5f",
        }
    ],
}
EFFECT: Json = {
    "type": "object",
    "required": ["user_id", "username", "gained", "lost", "until"],
    "properties": {
        "user_id": {"type": "string", "format": "uuid", "description": "The user."},
        "username": {"type": "string", "description": "The user name."},
        "gained": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Permissions that the user would gain.",
        },
        "lost": {"type": "array", "items": {"type": "string"}, "description": "Permissions that the user would lose."},
        "until": {
            "type": "object",
            "additionalProperties": {"type": "string", "format": "date-time"},
            "description": "Until when the user would hold a permission that is gained, where that ends.",
        },
    },
}
PREVIEW: Json = {
    "type": "object",
    "title": "Preview",
    "description": "The effects of a change that was a dry run.",
    "required": ["dry_run", "effects"],
    "properties": {
        "dry_run": {"const": True, "description": "Nothing was changed."},
        "effects": {"type": "array", "items": EFFECT, "description": "Who would gain and lose which permissions."},
        "needs_approval": {
            "type": "array",
            "items": {"type": "string"},
            "description": "What a second person must approve, if the settings demand that; absent if nothing.",
        },
        "changes": {
            "type": "object",
            "description": "Of a revert: the fields that would change, each with its old and new value.",
            "additionalProperties": True,
        },
        "results": {
            "type": "array",
            "description": "Of a change of several items: what would be done for each, as the response says it.",
            "items": {"type": "object", "additionalProperties": True},
        },
    },
}


def reference(kind: str, name: str) -> Json:
    return {"$ref": f"#/components/{kind}/{name}"}


PROBLEM_CONTENT: Json = {MEDIA_TYPE: {"schema": reference("schemas", "Problem")}}
