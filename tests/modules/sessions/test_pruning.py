"""Sessions that expired long ago are removed, with a change entry each."""

from datetime import timedelta

from sqlalchemy import select

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.modules.sessions.models import AuthSession
from tests.core.db.pruning import prune
from tests.modules.audit.entries import change_entries
from tests.people import SignedInAs


async def test_a_session_goes_once_it_has_been_over_for_long(
    database: Database, job: RequestContext, signed_in_as: SignedInAs
) -> None:
    people = [await signed_in_as() for _ in range(4)]
    days = database.settings.retention.session_days
    async with database.unit_of_work(job) as session:
        rows = {row.user_id: row for row in (await session.execute(select(AuthSession))).scalars()}
        for person in people[:3]:
            rows[person.id].expires_at = now() - timedelta(days=days + 1)
        rows[people[3].id].revoke("test")

    await prune(database)

    removed = [row for row in await change_entries(database, job, "auth_session") if row.action == "delete"]
    assert {row.entity_id for row in removed} == {str(rows[person.id].id) for person in people[:3]}
    assert {row.actor_kind for row in removed} == {"system"}
    assert "seed" not in str([row.changes["seed"]["old"] for row in removed]), "its secret is not in the entry"
