"""A WebSocket handshake is refused, and the access log has it."""

from typing import Any

import httpx
from fastapi import FastAPI

from tests.modules.audit.entries import access_entries


async def test_a_websocket_is_refused_with_an_entry(app: FastAPI) -> None:
    """Regression: it passed by guard, limit and access log."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "websocket",
        "scheme": "ws",
        "path": "/api/v1/tasks",
        "raw_path": b"/api/v1/tasks",
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"attest.test"), (b"x-request-id", b"upgrade-1")],
        "client": ("192.0.2.9", 1),
    }
    await app(scope, receive, send)

    (entry,) = [row for row in await access_entries(app) if row.request_id == "upgrade-1"]
    assert sent == [{"type": "websocket.close", "code": 1008}]
    assert (entry.status, entry.error_code) == (400, "upgrade-refused")
    assert (entry.ip, entry.path) == ("192.0.2.9", "/api/v1/tasks")


async def test_a_handshake_is_refused_by_a_server_without_websockets_too(client: httpx.AsyncClient) -> None:
    """Such a server passes it on as an ordinary request."""
    answer = await client.get("http://attest.test/", headers={"Connection": "Upgrade", "Upgrade": "WebSocket"})

    assert (answer.status_code, answer.json()["code"]) == (400, "upgrade-refused")
