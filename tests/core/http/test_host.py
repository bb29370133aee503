"""A request names one host: none, two, or one that is no host is refused, with an access entry."""

from typing import Any

import pytest
from fastapi import FastAPI

from tests.modules.audit.entries import access_entries


async def status_of(app: FastAPI, headers: list[tuple[bytes, bytes]], version: str) -> int:
    """The status of a request with exactly `headers`."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "http_version": version,
        "method": "GET",
        "scheme": "http",
        "path": "/api/v1/tasks",
        "raw_path": b"/api/v1/tasks",
        "root_path": "",
        "query_string": b"",
        "headers": [(b"x-request-id", b"host-1"), *headers],
        "client": ("192.0.2.9", 1),
    }
    await app(scope, receive, send)
    return int(sent[0]["status"])


@pytest.mark.parametrize(
    ("hosts", "version", "status"),
    [
        ([b"attest.test"], "1.1", 401),
        ([b"attest.test:8443"], "1.1", 401),
        ([b"[2001:db8::1]:8443"], "1.1", 401),
        ([], "1.0", 401),
        ([b""], "1.0", 401),
        ([b"attest.test"], "2", 401),
        ([], "1.1", 400),
        ([b"attest.test", b"attest.test"], "1.1", 400),
        ([b"attest.test", b"evil.example"], "1.1", 400),
        ([b"attest.test", b"evil.example"], "1.0", 400),
        ([b"attest.test", b"evil.example"], "2", 400),
        ([b"attest.test, evil.example"], "1.1", 400),
        ([b"evil.example/x?"], "1.1", 400),
        ([b"user@evil.example"], "1.1", 400),
        ([b""], "1.1", 400),
    ],
)
async def test_a_request_names_one_host(app: FastAPI, hosts: list[bytes], version: str, status: int) -> None:
    """Regression: two `Host` headers, or none, were served."""
    answered = await status_of(app, [(b"host", host) for host in hosts], version)

    entries = [row for row in await access_entries(app) if row.request_id == "host-1"]
    assert answered == status
    assert [(row.status, row.error_code) for row in entries] == [
        (status, "malformed-request" if status == 400 else "unauthenticated")
    ]
