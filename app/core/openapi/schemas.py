"""The schemas that no module declares: problems, and what a change of policy would do."""

from typing import Any

from app.core.problems import MAX_ERRORS, MEDIA_TYPE

Json = dict[str, Any]

TEXT = {"type": "string", "maxLength": 65_536}
SLUG = {"type": "string", "maxLength": 64, "pattern": "^[a-z0-9-]+$"}
POINTER = {"type": "string", "maxLength": 4096, "pattern": "^/", "description": "A JSON pointer into the request."}

FIELD_ERROR: Json = {
    "type": "object",
    "required": ["pointer", "detail", "code"],
    "properties": {"pointer": POINTER, "detail": TEXT, "code": SLUG},
}
PROBLEM: Json = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457 problem details.",
    "required": ["type", "title", "status", "detail", "instance", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "maxLength": 100, "pattern": "^/problems/[a-z0-9-]+$"},
        "title": {"type": "string", "maxLength": 64},
        "status": {"type": "integer", "format": "int32", "minimum": 400, "maximum": 599},
        "detail": {**TEXT, "description": "A sentence."},
        "instance": {"type": "string", "maxLength": 8192, "pattern": "^/"},
        "code": {**SLUG, "description": "Stable: branch on it."},
        "request_id": {"type": "string", "maxLength": 64, "pattern": "^[A-Za-z0-9._-]+$"},
        "errors": {"type": "array", "maxItems": 5 * MAX_ERRORS, "items": FIELD_ERROR},
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
    "required": ["user_id", "username", "gained", "lost"],
    "properties": {
        "user_id": {"type": "string", "format": "uuid"},
        "username": {"type": "string"},
        **{name: {"type": "array", "items": {"type": "string"}} for name in ("gained", "lost")},
    },
}
PREVIEW: Json = {
    "type": "object",
    "title": "Preview",
    "description": "What a change would do to whom, had it not been a dry run.",
    "required": ["dry_run", "effects"],
    "properties": {"dry_run": {"const": True}, "effects": {"type": "array", "items": EFFECT}},
}


def reference(kind: str, name: str) -> Json:
    return {"$ref": f"#/components/{kind}/{name}"}


PROBLEM_CONTENT: Json = {MEDIA_TYPE: {"schema": reference("schemas", "Problem")}}
