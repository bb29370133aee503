"""Deprecated routes: declared once, shown in the document and in every successful response of the route."""

from datetime import UTC, date, datetime, time
from email.utils import format_datetime
from typing import Any

from fastapi import Response

EXTENSION = "x-deprecation"


def deprecated(*, since: date, sunset: date, guide: str, successor: str | None = None) -> dict[str, Any]:
    """Options of a route: `@router.get("/old", **deprecated(since=…, sunset=…, guide="/docs/…"))`.

    Adds `Deprecation` (RFC 9745), `Sunset` (RFC 8594) and `Link` to `guide` and, where there is one, to `successor`.
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


def deprecation_headers(extra: dict[str, Any] | None) -> dict[str, str]:
    """The headers that `deprecated` declared in the `openapi_extra` of a route; none for any other route."""
    headers: dict[str, str] = (extra or {}).get(EXTENSION, {})
    return headers


def add_deprecation_headers(headers: dict[str, str], response: Response, root_path: str) -> None:
    """Add `headers`, whose links to paths lie below `root_path`."""
    for name, value in headers.items():
        response.headers.append(name, value.replace("</", f"<{root_path}/") if name == "Link" else value)
