"""Refresh tokens with parallel tabs, lost answers, pauses and a thief: honest clients stay signed in, theft ends."""

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
    """The clock of the refresh rule, which tests move ahead."""

    def __init__(self) -> None:
        self.start = clock.now()
        self.ahead = timedelta()

    def now(self) -> datetime:
        return self.start + self.ahead


class Client:
    """A browser: it keeps the newest pair of tokens that arrived."""

    def __init__(self, access: str, refresh: str) -> None:
        self.access, self.refresh = access, refresh


class Machine(AppMachine):
    """A victim who is signed in, and a clock that tests move ahead."""

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
        """Set up what the machine needs besides."""

    def ask(self, token: str) -> tuple[int, dict[str, str]]:
        answer = self.run(self.client.post("/auth/token/refresh", json={"refresh_token": token}))
        return answer.status_code, answer.json()

    def use(self, client: Client) -> int:
        headers = {"Authorization": f"Bearer {client.access}"}
        return self.run(self.client.get("/auth/me", headers=headers)).status_code


class Honest(Machine):
    """One browser with many tabs; answers are lost or arrive late."""

    def begin(self) -> None:
        self.late: list[dict[str, str]] = []

    @rule(seconds=st.integers(0, 3600))
    def pause(self, seconds: int) -> None:
        """Answers that are on their way arrive before a pause ends."""
        self.arrive()
        self.clock.ahead += timedelta(seconds=seconds)

    @rule(lost=st.lists(st.booleans(), min_size=1, max_size=5))
    def tabs_refresh(self, lost: list[bool]) -> None:
        """All tabs refresh at once with the same token; some answers are lost."""
        asked = self.victim.refresh
        answers = [self.ask(asked) for _ in lost]
        assert {status for status, _ in answers} == {200}, "an honest tab was signed out"
        assert len({pair["refresh_token"] for _, pair in answers}) == 1, "one token has one successor"
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
    """A thief copies the tokens once; both refresh, in steps longer than the grace, and use what they get or not."""

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
            assert self.thief is not None, "the session ended without a theft"
            self.is_over = True
            return client
        renewed = Client(pair["access_token"], pair["refresh_token"])
        if uses and self.use(renewed) == 401:
            self.is_over = True
        self.got[who] += self.thief is not None
        return renewed

    @invariant()
    def found_out(self) -> None:
        """Victim and thief cannot both continue a session; where it ends, it ends for both."""
        assert min(getattr(self, "got", {"none": 0}).values()) < 2, "both continue"
        if getattr(self, "is_over", False):
            assert self.use(self.victim) == 401
            assert self.thief is None or self.use(self.thief) == 401


@pytest.mark.parametrize("machine", [Honest, Theft])
@pytest.mark.timeout(300)
def test_refresh_families(sqlite_template: tuple[Backend, str], machine: type[Machine]) -> None:
    play(machine, sqlite_template, examples=15, steps=25)
