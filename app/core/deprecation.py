"""Telling clients that a route will go: one declaration, seen in the document and in every answer that succeeds."""

from datetime import UTC, date, datetime, time
from email.utils import format_datetime
from typing import Any

from fastapi import Response

EXTENSION = "x-deprecation"


def deprecated(*, since: date, sunset: date, guide: str, successor: str | None = None) -> dict[str, Any]:
    """Options of a route: `@router.get("/old", **deprecated(since=…, sunset=…, guide="/docs/…"))`.

    Adds `Deprecation` (RFC 9745), `Sunset` (RFC 8594) and `Link` to `guide`, and to the `successor` where there is one.
    """
    links = [f'<{guide}>; rel="deprecation"; type="text/html"']
    if successor:
        links.append(f'<{successor}>; rel="successor-version"')
    headers = {
        "Deprecation": f"@{int(midnight(since).timestamp())}",
        "Sunset": format_datetime(midnight(sunset), usegmt=True),
        "Link": ", ".join(links),
    }
    return {"deprecated": True, "openapi_extra": {EXTENSION: headers}}


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def announce(extra: dict[str, Any] | None, response: Response) -> None:
    """Add the headers of a deprecated route to `response`."""
    for name, value in (extra or {}).get(EXTENSION, {}).items():
        response.headers.append(name, value)
