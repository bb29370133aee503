"""People are told by mail that an import which outlived its request has ended."""

import pytest

from app.core.db.engine import Database
from tests.modules.jobs.kinds import run_all
from tests.modules.mail.sink import Sink, part_of
from tests.modules.transfers.test_transfers import send
from tests.people import SignedInAs


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("name\nAcme\nBolt\n", "2 created, 0 updated, 0 failed"),
        (f"name\nAcme\n{'x' * 300}\n", "0 created, 0 updated, 1 failed"),
    ],
)
async def test_who_asked_is_told_once(
    database: Database, sink: Sink, signed_in_as: SignedInAs, text: str, counts: str
) -> None:
    person = await signed_in_as("brands:create")

    answer = await send(person, text)
    await run_all(database)

    [mail] = sink.mails
    assert (str(mail["To"]), str(mail["Subject"])) == (f"{person.username}@example.com", "An import has finished")
    assert f"into brands has finished: {counts}." in part_of(mail, "plain")
    assert f"https://attest.example/console/jobs/{answer.json()['id']}" in part_of(mail, "plain")


async def test_a_dry_run_is_no_news(database: Database, sink: Sink, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("brands:create")

    await send(person, "name\nAcme\n", "?dry_run=true")
    await run_all(database)

    assert sink.mails == []
