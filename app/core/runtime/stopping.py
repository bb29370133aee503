"""Tells the application early that its process is to stop."""

import asyncio
import signal
from collections.abc import Callable
from types import FrameType
from typing import Any


def on_sigterm(end: Callable[[], Any]) -> None:
    """Call `end` in the running loop at SIGTERM or SIGINT, beside the handler of the server.

    A server stops the application only after its last request, and some requests wait until the application stops.
    """
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        handle_as_before: Any = signal.getsignal(number)
        if not callable(handle_as_before):
            continue  # no server has a handler, so that the signal ends the process at once

        def handle(received: int, frame: FrameType | None, handle_as_before: Any = handle_as_before) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(end)
            handle_as_before(received, frame)

        signal.signal(number, handle)
        signal.siginterrupt(number, False)  # as event loops set their own
