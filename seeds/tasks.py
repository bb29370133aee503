"""Demo tasks with a history: each passes through several statuses, and the change log shows it."""

from datetime import timedelta
from random import Random
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from app.core.clock import now
from app.core.db.session import Session
from app.modules.tasks.models import Task, TaskPriority, TaskStatus
from app.modules.users import User
from seeds import is_new, seeded_random

AFTER = ("users",)
"""Its rows refer to theirs."""
VERBS = ("Count", "Order", "Repair", "Photograph", "Price", "Pack", "Return", "Describe", "Inspect", "Move")
THINGS = (
    "the lamps in hall two", "labels for the spring sale", "the damaged pallets", "samples for the fair",
    "the new armchairs", "spare parts for kettles", "the shelves at the entrance", "the winter catalogue",
)  # fmt: skip
DEADLINES = ("before noon", "this week", "for the auditor", "with the carrier", "once more")
COURSES = (
    (),
    (TaskStatus.in_progress,),
    (TaskStatus.in_progress, TaskStatus.done),
    (TaskStatus.in_progress, TaskStatus.done, TaskStatus.todo),
    (TaskStatus.cancelled,),
)
PRIORITIES = tuple(TaskPriority)


async def seed(session: Session, count: int) -> dict[str, str]:
    if not await is_new(session, Task):
        return {}
    chance = seeded_random("tasks")
    users = [row.id for row in await session.all(select(col(User.id)).order_by(col(User.username)))]
    tasks = [build_task(chance, chance.choice([None, *users])) for _ in range(count)]
    session.add_all(tasks)
    await session.flush()
    courses = [(task, chance.choices(COURSES, (3, 2, 3, 1, 1))[0]) for task in tasks]
    for step in range(max(map(len, COURSES))):
        for task, course in courses:
            if step < len(course):
                task.status = course[step]
                task.completed_at = now() if task.status is TaskStatus.done else None
        await session.flush()
    return {}


def build_task(chance: Random, assignee_id: UUID | None) -> Task:
    return Task(
        title=f"{chance.choice(VERBS)} {chance.choice(THINGS)} {chance.choice(DEADLINES)}",
        priority=chance.choices(PRIORITIES, (2, 5, 2, 1))[0],
        due_date=(now() + timedelta(days=chance.randint(-10, 60))).date(),
        assignee_id=assignee_id,
    )
