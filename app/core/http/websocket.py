"""WebSockets, which are refused: the handshake passes through the application as a request, and so is logged."""

from http import HTTPStatus

from starlette.types import Message, Receive, Scope, Send

from app.core.errors import Problem

UPGRADE = "attest.upgrade"
SCHEMES = {"ws": "http", "wss": "https"}
POLICY_VIOLATION = 1008
"""Close code of RFC 6455, 7.4.1."""


class UpgradeRefused(Problem):
    """WebSockets are not served here."""

    status = HTTPStatus.BAD_REQUEST
    code = "upgrade-refused"
    remedy = "Use plain HTTP; the feed of the audit log is a stream of server-sent events."


def as_request(scope: Scope, receive: Receive, send: Send) -> tuple[Scope, Receive, Send]:
    """The handshake as a GET request without a body, whose response closes the connection."""
    request = {**scope, "type": "http", "method": "GET", "scheme": SCHEMES.get(scope["scheme"], "http"), UPGRADE: True}

    async def receive_nothing() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def close(message: Message) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            await receive()  # the server expects that its "connect" is read
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})

    return request, receive_nothing, close


def refuse_upgrade(scope: Scope) -> None:
    """Raise UpgradeRefused for a handshake, whether or not the server knows WebSockets."""
    if UPGRADE in scope or any(
        name == b"upgrade" and value.lower() == b"websocket" for name, value in scope["headers"]
    ):
        raise UpgradeRefused("WebSockets are not served here.")
