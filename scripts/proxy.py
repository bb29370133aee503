"""A TCP proxy that breaks connections on purpose, between a server and its database, or its broker."""

import asyncio
from typing import Self


class Proxy:
    """Forwards connections to `host:port`; a host that is a folder holds the Unix socket of PostgreSQL.

    `silence` makes the present connections swallow every byte, for ever.
    """

    def __init__(self, host: str, port: int) -> None:
        self.target = (host, port)
        self.server: asyncio.Server | None = None
        self.open: set[asyncio.Event] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.writers: set[asyncio.StreamWriter] = set()
        self.accepted = 0

    async def start(self, port: int = 0) -> Self:
        """Listen on `port`, or on one that is free."""
        self.server = await asyncio.start_server(self.accept, "127.0.0.1", port)
        return self

    @property
    def port(self) -> int:
        if self.server is None:
            raise RuntimeError("not started")
        found: int = self.server.sockets[0].getsockname()[1]
        return found

    def silence(self) -> int:
        """Swallow what the present connections send from now on, in both directions. Returns how many they are."""
        present, self.open = self.open, set()
        for silent in present:
            silent.set()
        return len(present)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, port = self.target
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(host, port)

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        silent = asyncio.Event()
        self.open.add(silent)
        try:
            server_reader, server_writer = await self.connect()
        except OSError:
            writer.transport.abort()
            return
        tasks = [
            asyncio.create_task(forward(reader, server_writer, silent)),
            asyncio.create_task(forward(server_reader, writer, silent)),
        ]
        self.tasks.update(tasks)
        self.writers.update((writer, server_writer))
        await asyncio.wait(tasks)
        self.open.discard(silent)

    async def stop(self) -> None:
        if self.server is not None:
            self.server.close()
        for task in self.tasks:
            task.cancel()
        for writer in self.writers:
            writer.transport.abort()
        closing = [writer.wait_closed() for writer in self.writers]
        await asyncio.gather(*self.tasks, *closing, return_exceptions=True)


async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, silent: asyncio.Event) -> None:
    """Copy from one side to the other; once `silent` is set, read on and send nothing, not even the end."""
    try:
        while chunk := await reader.read(65_536):
            if not silent.is_set():
                writer.write(chunk)
                await writer.drain()
    except ConnectionError:
        pass
    finally:
        if not silent.is_set():
            writer.close()
