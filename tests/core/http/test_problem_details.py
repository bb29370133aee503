"""Every failure is a problem document of one shape, and repeats neither input nor internals."""

import asyncio
import threading
from pathlib import Path

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from app.core.http.guards import public
from app.core.http.router import Router
from app.main import create_app
from tests.core.http.problems import assert_problem
from tests.fixtures.databases import settings_for
from tests.people import SignedInAs


async def test_an_unknown_path_is_not_found(client: httpx.AsyncClient) -> None:
    for path in ("/nothing", "http://attest.test/", "/tasks/"):
        answer = await client.request("DELETE" if path.startswith("http") else "GET", path)
        if path.startswith("http"):
            assert_problem(answer, 405, "method-not-allowed")
        else:
            assert_problem(answer, 404, "not-found")


async def test_a_wrong_method_names_every_right_one(client: httpx.AsyncClient) -> None:
    one = await client.put("/tasks/01890000-0000-7000-8000-000000000000")
    many = await client.delete("/tasks")

    assert_problem(one, 405, "method-not-allowed")
    assert one.headers["allow"] == "DELETE, GET, HEAD, PATCH"
    assert many.headers["allow"] == "GET, HEAD, POST"


async def test_no_route_echoes_a_request(client: httpx.AsyncClient) -> None:
    for method in ("TRACE", "TRACK", "CONNECT", "PROPFIND"):
        for path in ("/tasks", "/auth/token", "http://attest.test/", "http://attest.test/healthz"):
            answer = await client.request(method, path, headers={"X-Canary": "s3cret-canary"})
            assert_problem(answer, 405, "method-not-allowed")
            assert "canary" not in answer.text


async def test_validation_never_repeats_the_input(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("users:create")

    answer = await person.post("/users", {"username": "x", "email": "no", "password": {"s3cret-canary": 1}})

    body = assert_problem(answer, 422, "invalid-fields")
    assert {error["pointer"] for error in body["errors"]} == {"/body/username", "/body/email", "/body/password"}
    assert all(set(error) == {"pointer", "detail", "code", "params"} for error in body["errors"])
    assert "s3cret-canary" not in answer.text


async def test_a_taken_value_names_the_field_not_the_constraint(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("users:create", "users:delete")
    body = {"username": "casey", "email": "Casey@example.com", "password": "a long and quiet river"}
    first = (await person.post("/users", body)).json()

    same_email = await person.post("/users", {**body, "username": "other", "email": "casey@EXAMPLE.com"})
    same_name = await person.post("/users", {**body, "username": "CASEY", "email": "other@example.com"})

    for answer, field in ((same_email, "email"), (same_name, "username")):
        problem = assert_problem(answer, 409, "already-exists")
        assert field in problem["detail"]
        assert "uq_" not in answer.text
    await person.delete(f"/users/{first['id']}")
    assert (await person.post("/users", body)).status_code == 201, "the values of a deleted row can be used again"


async def test_a_reference_to_nothing_is_the_clients_error(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:create")

    answer = await person.post("/tasks", {"title": "x", "assignee_id": "01890000-0000-7000-8000-000000000000"})

    problem = assert_problem(answer, 422, "invalid-fields")
    assert problem["errors"][0]["code"] == "unknown-reference"
    assert "fk_" not in answer.text


async def test_a_crash_says_its_request_id_and_nothing_else(app: FastAPI, client: httpx.AsyncClient) -> None:
    router = Router(prefix="/crash")

    @router.get("", dependencies=[public()])
    async def crash() -> None:
        raise RuntimeError("postgresql://user:s3cret-canary@host")

    app.include_router(router, prefix="/api/v1")

    answer = await client.get("/crash", headers={"X-Request-ID": "crash-1"})

    body = assert_problem(answer, 500, "internal-error")
    assert body["request_id"] == "crash-1"
    assert "canary" not in answer.text
    assert "Traceback" not in answer.text


async def test_a_success_that_no_guard_decided_on_is_an_error(app: FastAPI, client: httpx.AsyncClient) -> None:
    router = APIRouter(prefix="/open")  # a plain router: a route of ours without a guard fails at import

    @router.get("")
    async def unguarded() -> dict[str, str]:
        return {"secret": "canary"}

    app.include_router(router, prefix="/api/v1")

    answer = await client.get("/open")

    assert_problem(answer, 500, "internal-error")
    assert "canary" not in answer.text


def join_connection_threads() -> None:
    """Wait for the threads of aiosqlite: after a refused connect, one still answers to the event loop of the test."""
    for thread in threading.enumerate():
        if "_connection_worker_thread" in thread.name:
            thread.join()


@pytest.mark.parametrize(
    "url", ["postgresql+asyncpg://nobody@127.0.0.1:9/none", "sqlite+aiosqlite:////nowhere/at/all.db"]
)
async def test_an_unavailable_database_is_a_503(tmp_path: Path, url: str) -> None:
    app = create_app(settings_for(url, tmp_path))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://attest.test") as client:
            ready = await client.get("/readyz")
            sign_in = await client.post("/api/v1/auth/token", data={"username": "a", "password": "b"})
            alive = await client.get("/healthz")
    await asyncio.to_thread(join_connection_threads)

    for answer in (ready, sign_in):
        assert_problem(answer, 503, "database-unavailable")
        assert answer.headers["retry-after"] == "1"
        assert "127.0.0.1" not in answer.text
    assert alive.json() == {"status": "ok"}
