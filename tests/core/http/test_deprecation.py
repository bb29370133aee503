"""One declaration deprecates a route: in the OpenAPI document and in every successful answer."""

from datetime import date

import httpx
from fastapi import FastAPI

from app.core.http.deprecation import deprecated
from app.core.http.guards import public
from app.core.http.router import Router
from app.core.openapi.document import build_document
from tests.people import SignedInAs

OLD = deprecated(since=date(2026, 1, 1), sunset=date(2027, 1, 1), guide="/docs/moving", successor="/api/v1/tasks")


async def test_a_deprecated_route_announces_its_end(app: FastAPI, signed_in_as: SignedInAs) -> None:
    router = Router(prefix="/old", about="Old.")

    @router.get("", dependencies=[public()], **OLD)
    async def list_old() -> dict[str, str]:
        """List the old."""
        return {"still": "here"}

    app.include_router(router, prefix="/api/v1")
    person = await signed_in_as()

    answer = await person.get("/old")
    operation = build_document(app, "", "/api/v1/auth/token")["paths"]["/api/v1/old"]["get"]

    assert answer.json() == {"still": "here"}
    assert answer.headers["deprecation"] == "@1767225600"
    assert answer.headers["sunset"] == "Fri, 01 Jan 2027 00:00:00 GMT"
    assert answer.headers["link"] == (
        '</docs/moving>; rel="deprecation"; type="text/html", </api/v1/tasks>; rel="successor-version"'
    )
    assert operation["deprecated"] is True
    assert operation["x-deprecation"]["Sunset"] == answer.headers["sunset"]
    assert "deprecation" not in (await person.get("/auth/me")).headers


async def test_its_links_name_the_root_path(app: FastAPI, client: httpx.AsyncClient) -> None:
    router = Router(prefix="/old", about="Old.")

    @router.get("", dependencies=[public()], **OLD)
    async def list_old() -> dict[str, str]:
        """List the old."""
        return {"still": "here"}

    app.include_router(router, prefix="/api/v1")
    app.state.settings = app.state.settings.model_copy(update={"root_path": "/attest"})

    assert (await client.get("/old")).headers["link"] == (
        '</attest/docs/moving>; rel="deprecation"; type="text/html", </attest/api/v1/tasks>; rel="successor-version"'
    )
