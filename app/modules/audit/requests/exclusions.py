"""Requests that leave no access entry when they succeed: `AUDIT__ACCESS_EXCLUDE`, by method and path."""

from dataclasses import dataclass
from functools import cache
from typing import Self

ANY_METHOD, BELOW = "*", "/*"


@dataclass(frozen=True)
class Exclusion:
    """A method, or any, and a path or every path below it."""

    method: str
    path: str
    is_prefix: bool

    @classmethod
    def parse(cls, pattern: str) -> Self:
        """Read a pattern that the settings have checked: `GET /static/*`."""
        method, _, path = pattern.partition(" ")
        is_prefix = path.endswith(BELOW)
        return cls(method, path.removesuffix("*") if is_prefix else path, is_prefix)

    def matches(self, method: str, path: str) -> bool:
        if self.method not in (method, ANY_METHOD):
            return False
        return path.startswith(self.path) if self.is_prefix else path == self.path


class ExcludesEverything(RuntimeError):
    """A pattern would switch the access log off for the whole API."""


def check_exclusions(patterns: tuple[str, ...], api: str) -> None:
    """Raise ExcludesEverything for a pattern that names every path below `api`."""
    for pattern in patterns:
        exclusion = Exclusion.parse(pattern)
        if exclusion.is_prefix and f"{api}/".startswith(exclusion.path):
            raise ExcludesEverything(f"AUDIT__ACCESS_EXCLUDE: {pattern!r} names the whole API; name the paths below it")


@cache
def parse_exclusions(patterns: tuple[str, ...]) -> tuple[Exclusion, ...]:
    return tuple(Exclusion.parse(pattern) for pattern in patterns)


def is_excluded(patterns: tuple[str, ...], method: str, path: str) -> bool:
    """Whether one of `patterns` names this request."""
    return any(exclusion.matches(method, path) for exclusion in parse_exclusions(patterns))
