"""What a route of the index raises gets the response that FastAPI's own middleware would give."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from app.core.errors import Conflict
from app.core.http.guards import public
from app.core.http.route_index import RouteIndex
from app.core.http.router import Router
from app.main import API
from tests.core.http.problems import assert_problem
from tests.modules.audit.entries import access_entries


class BaseFailure(Exception):
    """A failure with a handler."""


class Failure(BaseFailure):
    """A failure without a handler of its own."""


@pytest.fixture
def raising(app: FastAPI) -> FastAPI:
    """An application whose index knows routes that raise."""
    router = Router(prefix="/raise")

    @router.get("/unknown", dependencies=[public()])
    async def unknown() -> None:
        raise LookupError("s3cret-canary")

    @router.get("/derived", dependencies=[public()])
    async def derived() -> None:
        raise Failure

    @router.get("/late", dependencies=[public()])
    async def late(*, known: bool) -> Response:
        async def body() -> AsyncIterator[bytes]:
            yield b"begun"
            raise Conflict("too late") if known else LookupError("too late")

        return StreamingResponse(body())

    app.include_router(router, prefix=API)
    app.state.route_index = RouteIndex(app.router, API)
    return app


def unhandled(log: pytest.LogCaptureFixture) -> int:
    """The number of exceptions that were logged as unhandled."""
    return sum("unhandled_exception" in record.getMessage() for record in log.records)


async def test_an_unknown_exception_is_a_problem_logged_once_with_an_access_entry(
    raising: FastAPI, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await client.get("/raise/unknown")

    body = assert_problem(answer, 500, "internal-error")
    assert "canary" not in str(body)
    assert unhandled(caplog) == 1
    entries = await access_entries(raising)
    assert [(entry.path, entry.status) for entry in entries] == [(f"{API}/raise/unknown", 500)]


async def test_a_handler_of_a_base_class_responds(raising: FastAPI, client: httpx.AsyncClient) -> None:
    async def handle(_request: Request, _error: Exception) -> Response:
        return Response("handled", 418)

    raising.add_exception_handler(BaseFailure, handle)

    answer = await client.get("/raise/derived")

    assert (answer.status_code, answer.text) == (418, "handled")


@pytest.mark.parametrize(("known", "error"), [(False, LookupError), (True, Conflict)])
async def test_an_exception_after_the_response_began_passes(
    raising: FastAPI, caplog: pytest.LogCaptureFixture, known: bool, error: type[Exception]
) -> None:
    """Also one that has a handler, which comes too late."""
    transport = httpx.ASGITransport(raising)
    async with httpx.AsyncClient(transport=transport, base_url="http://attest.test") as own:
        with pytest.raises(error, match="too late"):
            await own.get(f"{API}/raise/late?known={str(known).lower()}")

    assert unhandled(caplog) == 1
