"""Logs: a request id on every line, no secrets, no local variables."""

import io
import json
import logging
from typing import Any

import httpx
import structlog
from fastapi import FastAPI

from app.core.context import RequestContext
from app.core.http.guards import public
from app.core.http.router import Router
from app.core.runtime import logging as app_logging


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_our_lines_and_those_of_libraries_have_one_shape(output: io.StringIO) -> None:
    app_logging.logged_request.set(RequestContext(request_id="r-1"))
    structlog.get_logger("ours").info("stock_counted", items=3)
    logging.getLogger("uvicorn.error").warning("theirs %s", "too")

    ours, theirs = lines(output)

    assert (ours["event"], ours["items"], ours["level"], ours["request_id"]) == ("stock_counted", 3, "info", "r-1")
    assert (theirs["event"], theirs["logger"], theirs["request_id"]) == ("theirs too", "uvicorn.error", "r-1")
    assert all("timestamp" in line for line in (ours, theirs))


def test_secrets_are_masked_by_name_and_by_shape(output: io.StringIO) -> None:
    structlog.get_logger("ours").info(
        "called", password="canary", access_token="canary", header="Bearer canary.canary.canary", note="eyJca.nary.x"
    )
    logging.getLogger("theirs").info("Authorization: Bearer canary")

    assert "canary" not in output.getvalue()
    assert "eyJca" not in output.getvalue()


def test_an_access_line_has_no_query(output: io.StringIO) -> None:
    logging.getLogger("uvicorn.access").info(
        '%s - "%s %s HTTP/%s" %d', "127.0.0.1:1", "GET", "/tasks?token=canary", "1.1", 200
    )

    assert lines(output)[0]["event"] == '127.0.0.1:1 - "GET /tasks HTTP/1.1" 200'


def test_an_access_line_masks_the_path(output: io.StringIO) -> None:
    logging.getLogger("uvicorn.access").info(
        '%s - "%s %s HTTP/%s" %d', "127.0.0.1:1", "GET", "/customers/ines%40example.com/a%0Ab", "1.1", 404
    )
    logging.getLogger("granian.access").warning(
        '%(addr)s "%(method)s %(path)s" %(status)d %(query_string)s',
        {"addr": "127.0.0.1", "method": "GET", "path": "/a/ines@example.com", "status": 404, "query_string": "canary"},
    )
    logging.getLogger("theirs").info("could not reach %s", "postgresql://attest:canary@db.test/attest")

    first, granian, second = lines(output)
    assert granian["event"] == '127.0.0.1 "GET /a/[masked]" 404 '
    assert first["event"] == '127.0.0.1:1 - "GET /customers/[masked]/a%0Ab HTTP/1.1" 404'
    assert second["event"] == "could not reach postgresql://attest:[masked]/attest"


def test_an_access_log_that_is_off_stays_off(output: io.StringIO) -> None:
    access = logging.getLogger("uvicorn.access")
    access.handlers, access.propagate = [], False
    try:
        app_logging.replace_handlers(logging.getLogger().handlers[0], logging.INFO)
        access.info("quiet")
    finally:
        access.propagate = True

    assert output.getvalue() == ""


async def test_a_crash_is_logged_with_its_request_and_without_locals(
    app: FastAPI, client: httpx.AsyncClient, output: io.StringIO
) -> None:
    router = Router(prefix="/crash")

    @router.get("", dependencies=[public()])
    async def crash() -> None:
        hidden = "local-canary"
        raise RuntimeError(f"failed after {len(hidden)} with Bearer token-canary")

    app.include_router(router, prefix="/api/v1")

    await client.get("/crash", headers={"X-Request-ID": "crash-2"})

    (line,) = [line for line in lines(output) if line["event"] == "unhandled_exception"]
    assert line["request_id"] == "crash-2"
    assert line["exception"][0]["exc_value"] == "failed after 12 with [masked]"
    assert "canary" not in output.getvalue()
