"""Calls as an internal service signs them."""

import secrets
import time

import httpx

from app.core.security.request_signing import sign

KEYS = {"billing-1": "first key of the billing service, long", "billing-2": "second key of the billing service, ok"}


PATH = "/api/v1/internal/introspection"


def signed(body: bytes, key_id: str = "billing-1", key: str | None = None, **changes: str) -> dict[str, str]:
    """The headers of a call, signed with `key`, or with the key that is known as `key_id`."""
    parts = {
        "method": "POST",
        "path": PATH,
        "query": "",
        "timestamp": str(int(time.time())),
        "nonce": secrets.token_urlsafe(18),
    } | changes
    signature = sign((key or KEYS[key_id]).encode(), key_id, body=body, **parts)
    return {
        "Content-Type": "application/json",
        "X-Key-Id": key_id,
        "X-Timestamp": parts["timestamp"],
        "X-Nonce": parts["nonce"],
        "X-Signature": signature,
    }


async def call(client: httpx.AsyncClient, body: bytes, headers: dict[str, str], query: str = "") -> httpx.Response:
    return await client.post(f"http://attest.test{PATH}{query}", content=body, headers=headers)
