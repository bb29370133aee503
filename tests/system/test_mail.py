"""A worker that is killed while a mail server has the mail: it is sent again, under the same Message-ID."""

import asyncio
import signal
import subprocess
from collections.abc import Awaitable, Callable

import pytest

from app.core.config import Settings
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.modules.mail import Letter, Mailer
from tests.modules.mail.sink import Sink, opened_sink
from tests.modules.mail.waiting import state_of_job
from tests.system.test_kill_workers import start

PATIENCE_SECONDS = 60
pytestmark = pytest.mark.timeout(180)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(PATIENCE_SECONDS * 10):
        if await condition():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("it did not come to that")


async def test_a_mail_of_a_killed_worker_is_sent_under_one_message_id(database: Database, settings: Settings) -> None:
    async with opened_sink() as sink:
        sink.answering = asyncio.Event()
        values = {"name": "Ann", "username": "ann", "at": "now"}
        letter = Letter(text="password-changed", to="ann@example.com", values=values)
        async with database.unit_of_work(RequestContext.for_job("test")) as session:
            mail_id = await Mailer(sink.settings(settings)).send(session, letter)
        assert mail_id is not None

        async def has_arrived(times: int) -> bool:
            return len(sink.mails) == times

        killed = start(settings, subprocess.DEVNULL, **environment(sink))
        await until(lambda: has_arrived(1))
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        sink.answering.set()

        async def has_succeeded() -> bool:
            return await state_of_job(database, mail_id) == "succeeded"

        other = start(settings, subprocess.DEVNULL, **environment(sink))
        try:
            await until(has_succeeded)
        finally:
            other.terminate()
            other.wait()

    assert [mail["Message-ID"] for mail in sink.mails] == [f"<{mail_id}@example.com>"] * 2


def environment(sink: Sink) -> dict[str, str]:
    """The variables of a process that sends mails to the sink."""
    return {"MAIL__URL": f"smtp://127.0.0.1:{sink.port}", "MAIL__SENDER": "attest@example.com"}
