"""What a verification found in a log."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

MOST = 100
"""Findings that are kept; the others are counted. One entry that was removed can have many."""


class Verdict(IntEnum):
    """What a verification came to; its number is the exit code of the command."""

    intact = 0
    forged = 1
    unknown = 2


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it was sealed."""

    kind: str
    """What it is, in a word or two: `entry`, `missing`, `unsealed` …"""
    detail: str
    """A sentence for people, without the place."""
    seq: int | None = None
    """The place in the log where it was found."""

    def __str__(self) -> str:
        return self.detail if self.seq is None else f"seq {self.seq}: {self.detail}"


@dataclass
class LogReport:
    """What was verified of a log, and what was found."""

    log: str
    size: int = 0
    """Entries that are sealed."""
    verified: int = 0
    """Entries whose bytes were compared with the seal."""
    behind: int = 0
    """Entries that are stored and not sealed yet."""
    written: int = 0
    """Entries whose code shows that a process with the writer's key wrote them."""
    without_request: int = 0
    """Requests that changed something and have no access entry: nothing that was sealed is missing."""
    without_request_seq: int | None = None
    """The place of the first change of the first of them."""
    checkpoints: int = 0
    """Checkpoints that were compared with the entries."""
    findings: list[Finding] = field(default_factory=list)
    total: int = 0
    """All findings, those that are not kept too."""
    obstacles: list[str] = field(default_factory=list)
    """Why something could not be verified."""

    def add(self, kind: str, detail: str, seq: int | None = None) -> None:
        """Add a finding."""
        self.total += 1
        if len(self.findings) < MOST:
            self.findings.append(Finding(kind, detail, seq))

    @property
    def verdict(self) -> Verdict:
        if self.total:
            return Verdict.forged
        return Verdict.unknown if self.obstacles else Verdict.intact

    def lines(self) -> list[str]:
        """The report for people."""
        head = f"{self.log}: {self.verified} of {self.size} sealed entries and {self.checkpoints} checkpoints verified"
        more = self.total - len(self.findings)
        return [
            f"{head}; {self.behind} entries are not sealed yet.",
            *([f"{self.log}: the codes of {self.written} entries are those of a writer"] if self.written else []),
            *([f"{self.log}: {self.notice()}"] if self.without_request else []),
            *(f"{self.log}: {finding}" for finding in self.findings),
            *([f"{self.log}: {more} further findings"] if more else []),
            *(f"{self.log}: cannot tell: {reason}" for reason in self.obstacles),
        ]

    def notice(self) -> str:
        """What is said of requests without an access entry."""
        calls = "1 request has" if self.without_request == 1 else f"{self.without_request} requests have"
        return f"notice: {calls} changes and no access entry, the first at seq {self.without_request_seq}"

    def document(self) -> dict[str, Any]:
        """The report as JSON."""
        return {
            "log": self.log,
            "verdict": self.verdict.name,
            "size": self.size,
            "verified": self.verified,
            "behind": self.behind,
            "written": self.written,
            "without_request": self.without_request,
            "without_request_seq": self.without_request_seq,
            "checkpoints": self.checkpoints,
            "findings": [vars(finding) for finding in self.findings],
            "total": self.total,
            "obstacles": self.obstacles,
        }
