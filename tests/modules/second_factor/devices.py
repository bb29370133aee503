"""Authenticator devices of test users."""

import time
from collections.abc import Callable

import pyotp

from tests.people import PASSWORD, Person

STEP_SECONDS = 30
Codes = Callable[[], str]


def codes(secret: str) -> Codes:
    """Codes of one device: of the current time step, and once that is used of the next one.

    The server accepts both for half a minute at least, whenever a step ends.
    """
    used = 0

    def next_code() -> str:
        nonlocal used
        used = max(int(time.time()) // STEP_SECONDS, used + 1)
        return pyotp.TOTP(secret).generate_otp(used)

    return next_code


async def enrolled(someone: Person) -> tuple[Codes, list[str]]:
    """Enrol a confirmed factor; returns its next codes and the recovery codes."""
    begun = (await someone.post("/auth/me/second-factor", {"current_password": PASSWORD})).json()
    device = codes(begun["secret"])
    confirmed = await someone.post("/auth/me/second-factor/confirm", {"code": device()})
    assert confirmed.status_code == 200, confirmed.text
    return device, confirmed.json()["recovery_codes"]
