"""What a command of `python -m app` came to."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class CommandResult:
    """The lines that a command prints, and its exit code."""

    lines: Sequence[str]
    exit_code: int = 0
