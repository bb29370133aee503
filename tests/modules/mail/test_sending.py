"""Mails reach a mail server once it is there, each under one Message-ID, and nothing can be smuggled into them."""

from uuid import UUID

import pytest
from pydantic import ValidationError

from app.core.clock import now
from app.core.config import Environment, MailSettings, Settings
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.modules.jobs.models import Job
from app.modules.mail import Letter, Mailer
from tests.modules.jobs.kinds import run_all
from tests.modules.mail.sink import Sink, part_of
from tests.modules.mail.waiting import make_due, run_once, state_of_job

NAME = "Zoë <b>O'Neill</b>"
CONTEXT = RequestContext.for_job("test")


def letter(to: str = "ann@example.com", **changes: object) -> Letter:
    values = {"name": NAME, "username": "ann", "until": "2026-12-01", "token": "iv_x"}
    return Letter.model_validate(
        {"text": "invitation", "to": to, "values": values, "url": "https://x.example/#t"} | changes
    )


async def send(database: Database, wanted: Letter) -> UUID:
    async with database.unit_of_work(CONTEXT) as session:
        mail_id = await Mailer(database.settings).send(session, wanted)
    assert mail_id is not None
    return mail_id


async def test_a_mail_has_text_and_html_with_names_escaped(database: Database, sink: Sink) -> None:
    mail_id = await send(database, letter())

    await run_all(database)

    [mail] = sink.mails
    assert (await state_of_job(database, mail_id)) == "succeeded"
    assert mail["Message-ID"] == f"<{mail_id}@xn--bcher-kva.example>"
    assert str(mail["From"]) == "Attest <attest@xn--bcher-kva.example>"
    assert (str(mail["To"]), mail["Auto-Submitted"]) == ("ann@example.com", "auto-generated")
    assert f"Hello {NAME}," in part_of(mail, "plain")
    assert "Zoë &lt;b&gt;O&#39;Neill&lt;/b&gt;" in part_of(mail, "html")
    assert '<a href="https://x.example/#t"' in part_of(mail, "html")


async def test_a_mail_whose_first_attempt_died_behind_its_data_has_one_message_id(
    database: Database, sink: Sink
) -> None:
    sink.deaths_after_data = 1
    mail_id = await send(database, letter())

    await run_once(database)
    first = await state_of_job(database, mail_id)
    await make_due(database, mail_id)
    await run_once(database)

    assert (first, await state_of_job(database, mail_id)) == ("queued", "succeeded")
    assert [mail["Message-ID"] for mail in sink.mails] == [f"<{mail_id}@xn--bcher-kva.example>"] * 2
    assert sink.mails[0].as_bytes() == sink.mails[1].as_bytes()


async def test_a_mail_whose_transaction_is_undone_is_not_sent(database: Database, sink: Sink) -> None:
    async def break_down() -> None:
        async with database.unit_of_work(CONTEXT) as session:
            await Mailer(database.settings).send(session, letter())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await break_down()

    assert (await run_all(database), sink.mails) == (0, [])


@pytest.mark.parametrize(("answer", "state"), [("550 No such user", "failed"), ("450 Come back later", "queued")])
async def test_a_recipient_that_is_refused(database: Database, sink: Sink, answer: str, state: str) -> None:
    sink.refusals.append(answer)
    mail_id = await send(database, letter())

    await run_all(database)

    assert (await state_of_job(database, mail_id), sink.mails) == (state, [])


async def test_addresses_are_sent_as_the_network_knows_them(database: Database, sink: Sink) -> None:
    await send(database, letter("ann@müller.example"))
    await send(database, letter("jürgen@example.com"))

    await run_all(database)

    assert sorted(sink.recipients) == ["ann@xn--mller-kva.example", "jürgen@example.com"]


@pytest.mark.parametrize(
    "to",
    [
        "ann@example.com\r\nBcc: all@example.com",
        "ann@example.com, all@example.com",
        "ann@example.com\nX: y",
        "Ann <ann@example.com>",
        "@example.com",
        "ann",
        "ann@",
        "ann@exa mple.com",
        "ann@example.com>\r\nRCPT TO:<all@example.com",
    ],
)
async def test_an_address_is_one_address_and_no_header(database: Database, sink: Sink, to: str) -> None:
    mail_id = await send(database, letter(to))

    await run_all(database)

    assert (await state_of_job(database, mail_id), sink.mails) == ("failed", [])


async def test_a_value_adds_neither_header_nor_line(database: Database, sink: Sink) -> None:
    evil = "Ann\r\nBcc: all@example.com\r\n\r\n.\r\nMAIL FROM:<evil@example.com>\u202e"
    await send(database, letter(values={"name": evil, "username": evil, "until": evil}))

    await run_all(database)

    [mail] = sink.mails
    assert (mail["Bcc"], sink.recipients) == (None, ["ann@example.com"])
    assert "Hello Ann Bcc: all@example.com . MAIL FROM:<evil@example.com>," in part_of(mail, "plain")


async def test_a_mail_is_in_the_language_of_its_reader(database: Database, sink: Sink) -> None:
    await send(database, letter(language="de"))
    await send(database, letter(language="xx"))

    await run_all(database)

    assert sorted(str(mail["Subject"]) for mail in sink.mails) == ["Ihr Konto", "Your account"]
    assert {str(mail["Content-Language"]) for mail in sink.mails} == {"de", "en"}


async def test_an_outdated_mail_is_not_sent(database: Database, sink: Sink) -> None:
    mail_id = await send(database, letter(valid_until=now()))

    await run_all(database)

    assert (await state_of_job(database, mail_id), sink.mails) == ("failed", [])


async def test_what_a_mail_says_is_encrypted_until_it_is_sent(database: Database, sink: Sink) -> None:
    mail_id = await send(database, letter(values={"name": "Verysecret", "username": "a", "until": "b"}))

    async with database.unit_of_work(CONTEXT) as session:
        job = await session.load(Job, mail_id)
        assert job is not None
        assert b"Verysecret" not in (job.content or b"")
        assert b"ann@" not in (job.content or b"")
    await run_all(database)
    async with database.unit_of_work(CONTEXT) as session:
        job = await session.load(Job, mail_id)
        assert job is not None
        assert (job.content, job.result) == (None, {"is_sent": True})


async def test_development_without_a_server_writes_mails_to_the_log(
    database: Database, sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    without = {"mail": MailSettings(), "environment": Environment.development}
    database.settings = database.settings.model_copy(update=without)
    await send(database, letter())

    await run_all(database)

    assert "mail_is_only_logged" in caplog.text
    assert "https://x.example/#t" in caplog.text
    assert sink.mails == []


@pytest.mark.parametrize("environment", [Environment.test, Environment.production])
async def test_elsewhere_mail_is_off_without_a_server(
    database: Database, settings: Settings, environment: Environment
) -> None:
    without = settings.model_copy(update={"mail": MailSettings(), "environment": environment})
    async with database.unit_of_work(CONTEXT) as session:
        assert await Mailer(without).send(session, letter()) is None

    assert await run_all(database) == 0


async def test_a_mail_that_waits_when_mail_is_turned_off_is_not_logged(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    mail_id = await send(database, letter())
    database.settings = database.settings.model_copy(update={"mail": MailSettings()})

    await run_all(database)

    assert await state_of_job(database, mail_id) == "failed"
    assert "iv_x" not in caplog.text


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail", ("mail", 25, None, None, False, False)),
        ("smtps://a%40b:p%2Fw@mail.example", ("mail.example", 465, "a@b", "p/w", True, False)),
        ("smtp+starttls://u:p@[::1]:2525", ("::1", 2525, "u", "p", False, True)),
    ],
)
def test_urls_of_servers(url: str, expected: tuple[object, ...]) -> None:
    server = MailSettings.model_validate({"url": url, "sender": "a@b.example"}).server

    assert server is not None
    assert (server.host, server.port, server.user, server.password, server.has_tls, server.starts_tls) == expected
    assert "p/w" not in repr(server)


@pytest.mark.parametrize(
    "values",
    [
        {"url": "smtp://mail"},
        {"url": "http://mail", "sender": "a@b.example"},
        {"url": "smtp://u:s3cret@mail", "sender": "a@b.example"},
        {"url": "smtps://u:s3cret@mail:x", "sender": "a@b.example"},
        {"url": "smtps:///s3cret", "sender": "a@b.example"},
        {"sender": "a@b.example\r\nBcc: c@d.example"},
        {"sender": "nonsense"},
    ],
)
def test_settings_that_cannot_be(values: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as caught:
        MailSettings.model_validate(values)

    assert "s3cret" not in str(caught.value.errors(include_input=False))
