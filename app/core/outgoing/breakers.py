"""Breakers: a host that fails again and again is not called for a while, so that its callers do not wait for it."""

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic

from app.core.outgoing.calls import CircuitOpen

MAX_HOSTS = 1000
"""The hosts that were called last are remembered."""


class Breaker:
    """The breaker of one host: closed, open, or half-open, when one call tries whether the host is back."""

    def __init__(self, host: str, limit: int, pause: float, clock: Callable[[], float]) -> None:
        self.host = host
        self.limit = limit
        self.pause = pause
        self.clock = clock
        self.failures = 0
        self.open_until = 0.0
        self.is_tried = False

    def admit(self) -> None:
        """Let a call pass. Raises CircuitOpen."""
        if self.failures < self.limit:
            return
        remaining = self.open_until - self.clock()
        if remaining > 0 or self.is_tried:
            raise CircuitOpen(self.host, max(remaining, 0.0))
        self.is_tried = True

    def note_success(self) -> None:
        """The host answered."""
        self.failures, self.is_tried = 0, False

    def note_failure(self) -> None:
        """The host failed. After as many failures as the limit says, one behind the other, it is not called."""
        self.failures += 1
        self.is_tried = False
        if self.failures >= self.limit:
            self.open_until = self.clock() + self.pause

    def forget(self) -> None:
        """The call ended without a word on the host, as one does that its caller gave up."""
        self.is_tried = False


class Breakers:
    """The breakers of all hosts that were called lately."""

    def __init__(self, limit: int, pause: float, clock: Callable[[], float] = monotonic) -> None:
        self.limit = limit
        self.pause = pause
        self.clock = clock
        self.by_host: OrderedDict[str, Breaker] = OrderedDict()

    def of(self, host: str) -> Breaker:
        """The breaker of `host`."""
        breaker = self.by_host.get(host)
        if breaker is None:
            breaker = self.by_host[host] = Breaker(host, self.limit, self.pause, self.clock)
            if len(self.by_host) > MAX_HOSTS:
                self.by_host.popitem(last=False)
        self.by_host.move_to_end(host)
        return breaker
