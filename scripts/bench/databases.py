"""The PostgreSQL server of a bench, and empty databases on it."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.databases import EmbeddedServer, Postgresql


@contextmanager
def postgresql(url: str | None) -> Iterator[Postgresql]:
    """The server at `url`, or an embedded one."""
    if url:
        yield Postgresql(url)
        return
    server = EmbeddedServer()
    yield Postgresql(server.url)
    server.stop()


@contextmanager
def new_database(backend: Postgresql, name: str) -> Iterator[str]:
    """An empty database, dropped at the end; the block gets its URL."""
    backend.drop(name)
    yield backend.create(name)
    backend.drop(name)
