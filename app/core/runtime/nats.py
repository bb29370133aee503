"""Connections to NATS, and the streams of JetStream. A connection that is lost is not made again by itself."""

import asyncio

from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import StreamConfig
from nats.js.errors import BadRequestError

PING_SECONDS = 5
STREAM_DIFFERS = 10058
"""The stream exists, and an administrator has set it up otherwise."""


async def connect_nats(client: Client, urls: list[str], lost: asyncio.Event) -> None:
    """Connect to one of the servers. `lost` is set once the connection is lost. Raises what the client raises."""

    async def ignore(_error: Exception) -> None:
        """What fails is raised where it is awaited, too."""

    async def lose() -> None:
        lost.set()

    try:
        await client.connect(
            urls,
            allow_reconnect=False,  # that is for the caller, who tells of it
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            ping_interval=PING_SECONDS,
            error_cb=ignore,
            disconnected_cb=lose,
            closed_cb=lose,
        )
    except BaseException:
        await client.close()  # it leaves its socket open where a server says nothing for too long
        raise


async def make_stream(stream: JetStreamContext, config: StreamConfig) -> None:
    """Make a stream. One that an administrator has set up otherwise is left as it is. Raises what the client raises."""
    try:
        await stream.add_stream(config)
    except BadRequestError as error:
        if error.err_code != STREAM_DIFFERS:
            raise
