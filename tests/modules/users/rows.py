"""Changes rows of users without the API."""

from typing import Any

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.modules.users import UserRepository
from tests.people import Person


async def change_user(database: Database, job: RequestContext, person: Person, **values: Any) -> None:
    async with database.unit_of_work(job) as session:
        users = UserRepository(session)
        await users.change(await users.load(person.id), values)
