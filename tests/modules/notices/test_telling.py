"""Modules tell users something by mail, and know no more of them than their ids."""

from uuid import UUID

from app.core.config import MailSettings, Settings
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.modules.notices import tell
from tests.modules.jobs.kinds import run_all
from tests.modules.mail.sink import Sink, part_of
from tests.people import SignedInAs

VALUES = {"module": "products", "created": "3", "updated": "0", "failed": "1"}


async def tell_of_import(database: Database, settings: Settings, user_id: UUID) -> UUID | None:
    """Tell a user of an import, in a transaction of its own."""
    async with database.unit_of_work(RequestContext.for_job("test")) as session:
        options = {"text": "import-finished", "path": "/console/jobs/7", "once": "import/7"}
        return await tell(session, settings, user_id, values=VALUES, **options)


async def test_a_user_is_told_once_with_a_link(
    database: Database, settings: Settings, sink: Sink, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as()

    told = [await tell_of_import(database, settings, person.id) for _ in range(2)]
    await run_all(database)

    assert told[0] == told[1] is not None
    [mail] = sink.mails
    assert str(mail["To"]) == f"{person.username}@example.com"
    assert "3 created, 0 updated, 1 failed" in part_of(mail, "plain")
    assert 'href="https://attest.example/console/jobs/7"' in part_of(mail, "html")


async def test_who_is_not_there_is_told_nothing(
    database: Database, settings: Settings, sink: Sink, signed_in_as: SignedInAs
) -> None:
    admin, inactive, deleted = await signed_in_as("users:update", "users:delete"), *[await signed_in_as() for _ in "12"]
    await admin.patch(f"/users/{inactive.id}", {"is_active": False})
    await admin.delete(f"/users/{deleted.id}")
    robot = UUID(int=0)

    told = [await tell_of_import(database, settings, user_id) for user_id in (inactive.id, deleted.id, robot)]
    await run_all(database)

    assert (told, sink.mails) == ([None] * 3, [])


async def test_nothing_is_told_where_mail_is_off(
    database: Database, settings: Settings, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as()

    assert await tell_of_import(database, settings.model_copy(update={"mail": MailSettings()}), person.id) is None
