"""Spans of time in which permissions are held: from an instant, until before another."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Protocol

from app.modules.roles.repository import GrantPath

Span = tuple[datetime, datetime]
Spans = Mapping[str, tuple[Span, ...]]
"""The spans of each permission. They are apart from each other, in order."""


class Timed(Protocol):
    """What holds from an instant, until before another."""

    @property
    def valid_from(self) -> datetime | None: ...
    @property
    def valid_until(self) -> datetime | None: ...


ALWAYS: Span = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


def spans_of(paths: Iterable[tuple[GrantPath, frozenset[str]]], at: datetime) -> Spans:
    """When these paths, of which none has ended, give each of their permissions; since ever where it has begun."""
    found: dict[str, list[Span]] = {}
    for path, permissions in paths:
        begins = path.valid_from if path.valid_from is not None and path.valid_from > at else ALWAYS[0]
        for name in permissions:
            found.setdefault(name, []).append((begins, path.valid_until or ALWAYS[1]))
    return {name: merge(spans) for name, spans in found.items()}


def merge(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The same time in spans that are apart from each other, in order."""
    merged: list[Span] = []
    for begins, ends in sorted(spans):
        if merged and begins <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], ends))
        else:
            merged.append((begins, ends))
    return tuple(merged)


def is_within(inner: Iterable[Span], outer: Iterable[Span]) -> bool:
    """Whether no instant of `inner` is outside of `outer`."""
    allowed = merge(outer)
    return all(any(first <= begins and ends <= last for first, last in allowed) for begins, ends in inner)


def time_before(end: datetime, spans: Iterable[Span]) -> tuple[Span, ...]:
    """The part of `spans` before `end`."""
    return tuple((begins, min(ends, end)) for begins, ends in spans if begins < end)


def describe_terms(permissions: Iterable[str], spans: Spans) -> str:
    """Until when each of `permissions` is held, in the words of an error: `tasks:read until 2026-12-01T12:00:00Z`."""
    ends = {name: spans[name][0][1] if spans.get(name) else ALWAYS[1] for name in sorted(permissions)}
    return ", ".join(
        name if end == ALWAYS[1] else f"{name} until {end:%Y-%m-%dT%H:%M:%SZ}" for name, end in ends.items()
    )
