"""A few demo tasks."""

from datetime import timedelta

from sqlalchemy import func, select
from sqlmodel import col

from app.core.db import Session
from app.core.types import now
from app.modules.tasks.models import Priority, Status, Task
from app.modules.users import User

TITLES = (
    ("Count the stock in hall two", Status.in_progress, Priority.high, "manager"),
    ("Call the carrier about the lost parcel", Status.todo, Priority.urgent, "manager"),
    ("Write the spring catalogue", Status.todo, Priority.normal, None),
    ("Order labels", Status.done, Priority.low, "manager"),
    ("Renew the fire insurance", Status.cancelled, Priority.normal, None),
)


async def plant(session: Session) -> dict[str, str]:
    """Add the tasks to an empty table only: what somebody deleted stays deleted."""
    if await session.value(select(func.count()).select_from(Task).execution_options(include_deleted=True)):
        return {}
    users = {row.username: row.id for row in await session.all(select(col(User.id), col(User.username)))}
    for days, (title, status, priority, assignee) in enumerate(TITLES):
        session.add(
            Task(
                title=title,
                status=status,
                priority=priority,
                due_date=(now() + timedelta(days=7 + days)).date(),
                assignee_id=users.get(assignee) if assignee else None,
                completed_at=now() if status is Status.done else None,
            )
        )
    await session.flush()
    return {}
