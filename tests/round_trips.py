"""Counts the round trips of a block to PostgreSQL, on the driver, whatever stands above it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import asyncpg
import pytest

CALLS = frozenset({"prepare", "bind", "bind_execute", "bind_execute_many", "execute", "query", "copy_in", "copy_out"})
"""The methods of the driver's protocol that send something and wait."""

round_trips: ContextVar[list[str] | None] = ContextVar("round_trips", default=None)


class CountedProtocol:
    """A protocol of asyncpg that notes its calls in the list of the context that makes them."""

    def __init__(self, protocol: Any) -> None:
        self.protocol = protocol

    def __getattr__(self, name: str) -> Any:
        return self.noted(name) if name in CALLS else getattr(self.protocol, name)

    def noted(self, name: str) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            found = round_trips.get()
            if found is not None:
                subject = next(iter([*arguments, *options.values()]), "")
                found.append(f"{name}: {getattr(subject, 'query', subject)}")
            return getattr(self.protocol, name)(*arguments, **options)

        return call


def count_on_new_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on, connections to PostgreSQL are counted. Those that are open already are not."""
    initialize = asyncpg.Connection.__init__

    def initialize_counted(self: Any, protocol: Any, *arguments: Any, **options: Any) -> None:
        initialize(self, CountedProtocol(protocol), *arguments, **options)

    monkeypatch.setattr(asyncpg.Connection, "__init__", initialize_counted)


@contextmanager
def round_trips_of_block() -> Iterator[list[str]]:
    """The round trips that the block causes. Those of tasks that were started before are not among them."""
    found: list[str] = []
    token = round_trips.set(found)
    try:
        yield found
    finally:
        round_trips.reset(token)
