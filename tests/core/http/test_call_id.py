"""The id that the server makes for each request: on the response, on log lines and in both logs."""

import io
from uuid import UUID

import httpx
import orjson
import pytest
from fastapi import FastAPI

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.http.guards import public
from app.core.http.router import Router
from app.core.http.trace_context import trace_id_of
from tests.modules.audit.entries import add_task, change_entries
from tests.people import SignedInAs

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"


async def test_two_requests_with_one_request_id_are_told_apart(app: FastAPI, signed_in_as: SignedInAs) -> None:
    """Regression: the caller's `X-Request-ID` was the only id, and two people can send the same."""
    people = [await signed_in_as("tasks:create") for _ in range(2)]
    auditor = await signed_in_as("audit:read")

    answers = [await p.post("/tasks", {"title": "x"}, headers={"X-Request-ID": "same"}) for p in people]

    ids = [answer.headers["attest-call-id"] for answer in answers]
    assert len({UUID(text) for text in ids}) == 2
    assert all(UUID(text).version == 7 for text in ids)
    assert [answer.headers["x-request-id"] for answer in answers] == ["same", "same"]
    for log, action in (("access", None), ("changes", "create")):
        both = (await auditor.get(f"/audit/{log}", params={"request_id": "same"})).json()["items"]
        assert {row["call_id"] for row in both} == set(ids), log
        (one,) = (await auditor.get(f"/audit/{log}", params={"call_id": ids[0]})).json()["items"]
        assert (one["call_id"], one["actor_id"], one.get("action")) == (ids[0], str(people[0].id), action)
    assert (await auditor.get("/audit/access", params={"call_id": "mine"})).status_code == 422


async def test_the_server_makes_the_id_and_callers_cannot(client: httpx.AsyncClient) -> None:
    sent = "01890000-0000-7000-8000-000000000000"

    answer = await client.get("/nothing", headers={"Attest-Call-ID": sent})
    replayed = await client.get("/nothing", headers={"X-Request-ID": answer.headers["attest-call-id"]})

    assert sent not in (answer.headers["attest-call-id"], answer.headers["x-request-id"])
    assert answer.headers["x-request-id"] == answer.headers["attest-call-id"], "without a request id there is one id"
    assert replayed.headers["attest-call-id"] != answer.headers["attest-call-id"]


async def test_a_job_has_one_too(database: Database, job: RequestContext) -> None:
    await add_task(database, job)

    (entry,) = await change_entries(database, job, "task")
    assert (entry.call_id, entry.request_id) == (job.call_id, str(job.call_id))


async def test_log_lines_name_call_and_trace(app: FastAPI, client: httpx.AsyncClient, output: io.StringIO) -> None:
    router = Router(prefix="/crash")

    @router.get("", dependencies=[public()])
    async def crash() -> None:
        raise RuntimeError

    app.include_router(router, prefix="/api/v1")

    traced = {"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-ID": "r"}
    first = await client.get("/crash", headers=traced)
    second = await client.get("/crash", headers={"traceparent": "junk", "X-Request-ID": "r"})

    lines = [orjson.loads(line) for line in output.getvalue().splitlines()]
    crashes = [line for line in lines if line["event"] == "unhandled_exception"]
    assert [(line["request_id"], line["call_id"], line.get("trace_id")) for line in crashes] == [
        ("r", first.headers["attest-call-id"], TRACE),
        ("r", second.headers["attest-call-id"], None),
    ]


@pytest.mark.parametrize(
    ("values", "trace_id"),
    [
        ([f"00-{TRACE}-{PARENT}-01"], TRACE),
        ([f"00-{TRACE}-{PARENT}-00"], TRACE),
        ([f"01-{TRACE}-{PARENT}-01-what-comes-later"], TRACE),
        ([f"01-{TRACE}-{PARENT}-01"], TRACE),
        ([], None),
        ([f"00-{TRACE}-{PARENT}-01", f"00-{TRACE}-{PARENT}-01"], None),
        ([f"00-{TRACE}-{PARENT}-01-more"], None),
        ([f"01-{TRACE}-{PARENT}-01x"], None),
        ([f"ff-{TRACE}-{PARENT}-01"], None),
        ([f"00-{TRACE.upper()}-{PARENT}-01"], None),
        ([f"00-{'0' * 32}-{PARENT}-01"], None),
        ([f"00-{TRACE}-{'0' * 16}-01"], None),
        ([f"00-{TRACE}-{PARENT}-1"], None),
        ([f"00-{TRACE}-{PARENT}-01\n"], None),
        ([f" 00-{TRACE}-{PARENT}-01"], None),
        ([f"00-{TRACE[:-1]}٣-{PARENT}-01"], None),
        (["junk"], None),
        ([""], None),
    ],
)
def test_a_traceparent_is_read_strictly(values: list[str], trace_id: str | None) -> None:
    assert trace_id_of(values) == trace_id
