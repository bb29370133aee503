"""A person who is erased, as the modules need to know them to forget what they hold."""

from dataclasses import dataclass, field
from uuid import UUID


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
