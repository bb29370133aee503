"""What the clients of a run know together: items, users with their passwords, tokens, keys."""

import random
from dataclasses import dataclass, field
from uuid import uuid4

WORDS = ["amber", "birch", "copper", "dune", "ember", "flint", "grove", "heron", "iris", "juniper", "kelp", "moss"]
MANY = 400
"""How many ids of a kind are remembered; older ones are forgotten at random."""


@dataclass
class Person:
    """A user who can sign in."""

    id: str
    username: str
    password: str
    access: str | None = None
    refresh: str | None = None
    spent: list[str] = field(default_factory=list)
    """Refresh tokens that were used."""
    recovery_codes: list[str] = field(default_factory=list)
    keys: list[tuple[str, str]] = field(default_factory=list)
    """Id and secret of API keys."""


@dataclass
class World:
    """The shared state, and the dice of the run."""

    chance: random.Random
    items: dict[str, list[str]] = field(default_factory=dict)
    """Ids of each resource, deleted items included."""
    people: list[Person] = field(default_factory=list)
    modules: list[str] = field(default_factory=list)
    repeatable: list[tuple[str, dict[str, object], str]] = field(default_factory=list)
    """Path, body and key of requests with an idempotency key."""

    def add(self, resource: str, item: str) -> None:
        """Remember an item."""
        known = self.items.setdefault(resource, [])
        if len(known) >= MANY:
            known.pop(self.chance.randrange(len(known)))
        known.append(item)

    def any(self, resource: str) -> str:
        """An item, or the id of none."""
        known = self.items.get(resource)
        return self.chance.choice(known) if known and self.chance.random() < 0.98 else str(uuid4())

    def any_or_none(self, resource: str) -> str | None:
        """An item that is there, or null."""
        known = self.items.get(resource)
        return self.chance.choice(known) if known and self.chance.random() < 0.5 else None

    def words(self, number: int = 2) -> str:
        """Some words, which may hold what is difficult to quote."""
        chosen = self.chance.sample(WORDS, number)
        rare = self.chance.choice(["", "", "", " – ümläut", ' "quoted"', " $price", " \\ / %", " 🪵", " 日本"])
        return " ".join(chosen) + rare

    def is_lucky(self, share: float) -> bool:
        return self.chance.random() < share
