"""Task rules without HTTP, as a job uses them."""

import pytest

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.modules.tasks.models import TaskStatus
from app.modules.tasks.schemas import TaskCreate, TaskUpdate
from app.modules.tasks.service import InvalidTransition, TaskService


async def test_a_job_obeys_the_same_rules(database: Database, job: RequestContext) -> None:
    async with database.unit_of_work(job) as session:
        tasks = TaskService(session)
        task = await tasks.create(TaskCreate(title="from a job"))

        with pytest.raises(InvalidTransition, match="todo cannot become done"):
            await tasks.update(task.id, TaskUpdate.model_validate({"status": TaskStatus.done}))
