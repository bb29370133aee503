"""Mails go to servers that show who they are, over encrypted connections, with a password."""

from pathlib import Path
from urllib.parse import quote

import pytest

from app.core.config import Environment, MailSettings, Settings
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.http.state import State
from app.modules.jobs.commands.doctor import is_silent
from app.modules.mail import Letter, Mailer
from app.modules.mail.hooks import HOOKS
from tests.core.outgoing.servers import certificate_for
from tests.modules.mail.sink import PASSWORD, opened_sink
from tests.modules.mail.waiting import run_once, state_of_job

CONTEXT = RequestContext.for_job("test")
LETTER = Letter(text="password-changed", to="ann@example.com", values={"name": "Ann", "username": "ann", "at": "now"})


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # aiosmtpd takes STARTTLS alone for TLS
@pytest.mark.parametrize(
    ("scheme", "password", "is_trusted", "is_sent"),
    [
        ("smtps", PASSWORD, True, True),
        ("smtp+starttls", PASSWORD, True, True),
        ("smtps", PASSWORD, False, False),
        ("smtp+starttls", PASSWORD, False, False),
        ("smtps", "wrong", True, False),
    ],
)
async def test_servers_are_verified_and_get_a_password(  # one table
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    scheme: str,
    password: str,
    *,
    is_trusted: bool,
    is_sent: bool,
) -> None:
    tls, _ = certificate_for("localhost", tmp_path)
    if is_trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "localhost.pem"))
    async with opened_sink(tls, starts_tls=scheme != "smtps") as sink:
        url = f"{scheme}://attest:{quote(password, safe='')}@localhost:{sink.port}"
        database.settings = sink.settings(database.settings, url=url, timeout=5)
        async with database.unit_of_work(CONTEXT) as session:
            mail_id = await Mailer(database.settings).send(session, LETTER)
        assert mail_id is not None
        await run_once(database)

    assert await state_of_job(database, mail_id) == ("succeeded" if is_sent else "queued")
    assert len(sink.mails) == is_sent
    assert password not in "".join(line for line in caplog.text.splitlines() if "mail.log" not in line)


async def test_a_server_without_tls_is_not_spoken_to_where_tls_is_wanted(database: Database) -> None:
    async with opened_sink() as sink:
        url = f"smtp+starttls://attest:word@localhost:{sink.port}"
        database.settings = sink.settings(database.settings, url=url, timeout=5)
        async with database.unit_of_work(CONTEXT) as session:
            mail_id = await Mailer(database.settings).send(session, LETTER)
        assert mail_id is not None
        await run_once(database)

    assert (await state_of_job(database, mail_id), sink.mails) == ("queued", [])


async def test_a_server_that_is_away_is_tried_again(database: Database) -> None:
    database.settings = database.settings.model_copy(
        update={"mail": MailSettings.model_validate({"url": "smtp://127.0.0.1:9", "sender": "a@b.example"})}
    )
    async with database.unit_of_work(CONTEXT) as session:
        mail_id = await Mailer(database.settings).send(session, LETTER)
    assert mail_id is not None

    await run_once(database)

    assert await state_of_job(database, mail_id) == "queued"


@pytest.mark.parametrize(
    ("environment", "is_said"),
    [(Environment.production, True), (Environment.development, False), (Environment.test, False)],
)
async def test_a_production_without_mail_says_so(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, environment: Environment, *, is_said: bool
) -> None:
    said: list[str] = []
    monkeypatch.setattr("app.modules.mail.hooks.log.warning", lambda event, **_values: said.append(event))
    silent = settings.model_copy(update={"mail": MailSettings(), "environment": environment})

    assert HOOKS.lifespan is not None
    async with HOOKS.lifespan(State(silent)):
        pass

    assert said == (["mail_is_off"] if is_said else [])
    assert is_silent(silent) is is_said
    assert not is_silent(settings)
