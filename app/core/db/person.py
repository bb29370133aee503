"""A person who is erased, as the modules need to know them to forget what they hold."""

from dataclasses import dataclass, field
from functools import cached_property
from uuid import UUID

SHORTEST_MARK = 8
"""Shorter words are found in what is about others too."""


@dataclass(frozen=True)
class Person:
    """What was known of a person before the erasure."""

    table: str
    """The table with the row that stands for the person."""
    id: UUID
    """The id of that row."""
    addresses: frozenset[str] = field(repr=False)
    """The addresses from which the person called."""
    words: frozenset[str] = field(repr=False)
    """The texts that told of the person: names, addresses, user agents."""

    @cached_property
    def marks(self) -> tuple[bytes, ...]:
        """What a text has that tells of the person."""
        return tuple(text.encode() for text in (str(self.id), *self.words) if len(text) >= SHORTEST_MARK)

    def is_in(self, text: bytes) -> bool:
        """Whether `text` tells of the person."""
        return any(mark in text for mark in self.marks)
