"""A failure of our own middleware, outside the routes, is a problem too, and a line in the log."""

import httpx
import pytest
from fastapi import FastAPI

from app.main import create_app
from tests.core.http.problems import assert_problem
from tests.core.http.test_index_errors import unhandled


class BrokenAccessLog:
    """An access log that fails in a way that it does not know itself."""

    def reserve(self) -> None:
        raise LookupError("s3cret-canary")


async def test_a_failure_of_the_access_log(
    app: FastAPI, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(app.state, "access_log", BrokenAccessLog())

    answer = await client.get("/tasks", headers={"X-Request-ID": "broken-1"})

    body = assert_problem(answer, 500, "internal-error")
    assert (body["request_id"], body["instance"]) == ("broken-1", "/api/v1/tasks")
    assert "canary" not in answer.text
    assert unhandled(caplog) == 1


async def test_a_failure_before_there_is_an_access_log(app: FastAPI, caplog: pytest.LogCaptureFixture) -> None:
    """Here a server that names its peer in a way that ASGI does not have."""
    transport = httpx.ASGITransport(app, client=([], 0))  # type: ignore[arg-type]  # this is what fails

    async with httpx.AsyncClient(transport=transport, base_url="http://attest.test") as client:
        answer = await client.get("/healthz")

    assert_problem(answer, 500, "internal-error")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert unhandled(caplog) == 1


def layers(stack: object) -> list[str]:
    """The names of the classes of a stack of middleware, from the outside in."""
    return [type(stack).__name__, *layers(stack.app)] if hasattr(stack, "app") else []


def test_our_stack_leaves_out_only_what_has_nothing_to_do() -> None:
    """We respond to failures, a span notes those that we do not, and no route may declare a body limit of FastAPI."""
    left_out = ["ServerErrorMiddleware", "ExceptionTelemetryMiddleware", "AppBodyLimitMiddleware"]

    ours, theirs = layers(create_app().build_middleware_stack()), layers(FastAPI().build_middleware_stack())

    assert theirs == [*left_out, *ours[ours.index("ExceptionMiddleware") :]]
