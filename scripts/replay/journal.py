"""What clients sent and were answered."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx


@dataclass
class Exchange:
    """A request, and its response as far as it is of interest."""

    request_id: str
    kind: str
    """The kind of operation."""
    is_dry_run: bool = False
    status: int | None = None
    """None for a client that went away, or that was cut off."""
    code: str | None = None
    """The code of the problem."""
    is_replay: bool = False
    created: str | None = None
    """The id of the item that was created."""

    def answer(self, response: httpx.Response, body: Any) -> None:
        """Note the response."""
        self.status = response.status_code
        self.is_replay = response.headers.get("Idempotency-Replayed") == "true"
        if isinstance(body, dict):
            self.code = body.get("code") if response.is_error else None
            self.created = body.get("id") if response.status_code == httpx.codes.CREATED else None

    @property
    def must_change_nothing(self) -> bool:
        """Whether a change entry would be wrong.

        An import on SQLite may keep what it had committed.
        """
        if self.status is None or self.code == "partly-imported":
            return False
        return self.is_dry_run or self.is_replay or self.status >= 400


@dataclass
class Journal:
    """Every exchange of a run."""

    exchanges: list[Exchange] = field(default_factory=list)

    def begin(self, kind: str, request_id: str, *, is_dry_run: bool) -> Exchange:
        """Note a request before it is sent."""
        exchange = Exchange(request_id, kind, is_dry_run)
        self.exchanges.append(exchange)
        return exchange

    @property
    def with_answer(self) -> list[Exchange]:
        return [each for each in self.exchanges if each.status is not None]

    @property
    def without_answer(self) -> list[Exchange]:
        """The requests whose clients went away."""
        return [each for each in self.exchanges if each.status is None]

    @property
    def statuses(self) -> dict[int, int]:
        """How often each status was answered."""
        return dict(sorted(Counter(each.status for each in self.exchanges if each.status is not None).items()))

    @property
    def kinds(self) -> dict[str, Counter[str]]:
        """The outcomes of each kind of operation."""
        outcomes: dict[str, Counter[str]] = {}
        for each in self.exchanges:
            outcomes.setdefault(each.kind, Counter())[str(each.status or "gone")] += 1
        return dict(sorted(outcomes.items()))
