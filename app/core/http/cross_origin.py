"""Cross-origin requests of browsers: which origins may call the API, what they may send, and what they may read."""

from typing import Any

from app.core.config import Environment, Settings

METHODS = ("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE")
READABLE = (
    "Accept-Encoding",
    "Allow",
    "Attest-Call-ID",
    "Audit-Archived",
    "Audit-Window",
    "Content-Disposition",
    "Deprecation",
    "ETag",
    "Idempotency-Replayed",
    "Link",
    "Location",
    "Policy-Version",
    "Preference-Applied",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "Sunset",
    "WWW-Authenticate",
    "X-Request-ID",
)
SENDABLE = (
    "Audit-Reason",
    "Authorization",
    "Cache-Control",
    "Content-Encoding",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "Last-Event-ID",
    "Prefer",
    "Traceparent",
    "X-Request-ID",
)
"""Headers that a browser of an allowed origin may read, and send, besides those that every origin may."""
LOCAL_ORIGIN = r"https?://(([a-z0-9-]+\.)*localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?"
"""An origin of this machine, on any port, as a front end under development has it."""


def cross_origin_options(settings: Settings) -> dict[str, Any] | None:
    """The options of Starlette's CORSMiddleware; None where no origin is allowed.

    Credentials of the browser (cookies) are not allowed: what reads one is for pages of the same origin.
    """
    is_local = settings.environment is Environment.development
    if not settings.cors.origins and not is_local:
        return None
    return {
        "allow_origins": settings.cors.origins,
        "allow_origin_regex": LOCAL_ORIGIN if is_local else None,
        "allow_methods": METHODS,
        "allow_headers": SENDABLE,
        "expose_headers": READABLE,
    }
