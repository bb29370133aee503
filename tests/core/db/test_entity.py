"""Entities are plain objects: their columns and nothing else."""

import pytest
from sqlalchemy import select

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import PlainRow
from app.modules.auth.models import SignInCounter
from app.modules.tasks.models import Task, TaskStatus
from tests.modules.audit.entries import add_task


@pytest.mark.parametrize("row", [Task(title="a"), SignInCounter(id="a")], ids=["entity", "bookkeeping"])
def test_an_instance_has_its_columns_and_no_state_of_an_orm(row: PlainRow) -> None:
    assert row.__dict__.keys() == type(row).model_fields.keys()


async def test_a_loaded_instance_has_none_either(database: Database, job: RequestContext) -> None:
    made = await add_task(database, job)
    async with database.unit_of_work(job) as session:
        selected = (await session.execute(select(Task))).scalar_one()
        loaded = await session.load(Task, made.id)

    assert selected is loaded
    assert selected.__dict__ == made.__dict__


def test_defaults_are_those_of_the_fields() -> None:
    first, second = Task(title="a"), Task(title="b", status=TaskStatus.done)

    assert (first.status, first.version, first.description, first.deleted_at) == (TaskStatus.todo, 1, None, None)
    assert first.id != second.id
    assert second.status is TaskStatus.done


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(TypeError, match="Task has no titel"):
        Task(titel="a")  # type: ignore[call-arg]  # on purpose
    with pytest.raises(AttributeError, match="Task has no titel"):
        Task(title="a").titel = "b"
