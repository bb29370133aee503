"""Work that ends when the client goes away."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from fastapi import Request
from starlette.requests import ClientDisconnect


async def run_while_connected(request: Request, work: Coroutine[Any, Any, None]) -> None:
    """Run `work`, and cancel it when the client goes away. The body must have been read. Raises ClientDisconnect."""
    gone = asyncio.create_task(wait_for_disconnect(request))
    working = asyncio.create_task(work)
    try:
        await asyncio.wait((gone, working), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        working.result()
    finally:
        gone.cancel()
        working.cancel()
        await asyncio.gather(gone, working, return_exceptions=True)


async def wait_for_disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
