"""The refresh rule against tabs, lost answers, pauses and a thief: honest clients stay in, thieves are found."""

from datetime import datetime, timedelta
from unittest.mock import patch

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    invariant,
    precondition,
    rule,
)

from app.core import clock
from tests.databases import Backend
from tests.machines import AppMachine, play
from tests.people import Person, person

GRACE = 10


class Clock:
    """The time of the server's refresh rule; it moves when told."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return clock.now() + self.ahead


class Client:
    """A browser: its jar holds the newest pair that arrived."""

    def __init__(self, access: str, refresh: str) -> None:
        self.access, self.refresh = access, refresh


class Machine(AppMachine):
    """A victim signed in, and a clock that moves when told."""

    @initialize()
    def sign_in(self) -> None:
        self.clock = Clock()
        self.patch = patch("app.modules.sessions.tokens.session_tokens.now", self.clock.now)
        self.patch.start()
        found: Person = self.run(person(self.app, self.client))
        self.victim = Client(found.access_token, found.refresh_token)
        self.begin()

    def teardown(self) -> None:
        if hasattr(self, "patch"):
            self.patch.stop()
        super().teardown()

    def begin(self) -> None:
        """What a machine keeps beside the jar."""

    def ask(self, token: str) -> tuple[int, dict[str, str]]:
        answer = self.run(self.client.post("/auth/token/refresh", json={"refresh_token": token}))
        return answer.status_code, answer.json()

    def use(self, client: Client) -> int:
        headers = {"Authorization": f"Bearer {client.access}"}
        return self.run(self.client.get("/auth/me", headers=headers)).status_code


class Honest(Machine):
    """One browser with many tabs; answers get lost, and arrive late."""

    def begin(self) -> None:
        self.late: list[dict[str, str]] = []

    @rule(seconds=st.integers(0, 3600))
    def pause(self, seconds: int) -> None:
        """Whatever is on its way arrives before a long pause ends."""
        self.arrive()
        self.clock.ahead += timedelta(seconds=seconds)

    @rule(lost=st.lists(st.booleans(), min_size=1, max_size=5))
    def tabs_refresh(self, lost: list[bool]) -> None:
        """All with the token in the jar, at once; some answers are lost."""
        asked = self.victim.refresh
        answers = [self.ask(asked) for _ in lost]
        assert {status for status, _ in answers} == {200}, "an honest tab was signed out"
        assert len({pair["refresh_token"] for _, pair in answers}) == 1, "one successor, never a second branch"
        self.late += [pair for (_, pair), is_lost in zip(answers, lost, strict=True) if not is_lost]

    @rule()
    def arrive(self) -> None:
        for pair in self.late:
            self.victim = Client(pair["access_token"], pair["refresh_token"])
        self.late = []

    @rule()
    def work(self) -> None:
        assert self.use(self.victim) == 200, "an honest client was signed out"


class Theft(Machine):
    """Somebody copies the jar once; both go on, steps further apart than the grace, and use what they get or not."""

    def begin(self) -> None:
        self.thief: Client | None = None
        self.got = {"victim": 0, "thief": 0}
        self.is_over = False

    @rule(uses=st.booleans())
    def victim_goes_on(self, uses: bool) -> None:  # drawn
        self.victim = self.step("victim", self.victim, uses=uses)

    @precondition(lambda self: self.thief is None)
    @rule()
    def steal(self) -> None:
        self.thief = Client(self.victim.access, self.victim.refresh)

    @precondition(lambda self: self.thief is not None)
    @rule(uses=st.booleans())
    def thief_goes_on(self, uses: bool) -> None:  # drawn
        assert self.thief is not None
        self.thief = self.step("thief", self.thief, uses=uses)

    def step(self, who: str, client: Client, *, uses: bool) -> Client:
        self.clock.ahead += timedelta(seconds=GRACE + 1)
        status, pair = self.ask(client.refresh)
        if status != 200:
            assert self.thief is not None, "nobody stole anything"
            self.is_over = True
            return client
        renewed = Client(pair["access_token"], pair["refresh_token"])
        if uses and self.use(renewed) == 401:
            self.is_over = True
        self.got[who] += self.thief is not None
        return renewed

    @invariant()
    def found_out(self) -> None:
        """However careful the thief is, no two go on with one session; and when it is over, it is over for both."""
        assert min(getattr(self, "got", {"nobody": 0}).values()) < 2, "both go on"
        if getattr(self, "is_over", False):
            assert self.use(self.victim) == 401
            assert self.thief is None or self.use(self.thief) == 401


@pytest.mark.parametrize("machine", [Honest, Theft])
@pytest.mark.timeout(300)
def test_refresh_families(sqlite_template: tuple[Backend, str], machine: type[Machine]) -> None:
    play(machine, sqlite_template, examples=15, steps=25)
