"""The selects of pages: built once for each form, and kept in a bounded number."""

from collections.abc import Sequence
from datetime import date

import pytest

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.repository import SELECTS, prebuilt
from app.core.db.session import AnyRow, AnySelect, ReadSession, Values
from app.modules.tasks.models import Task, TaskStatus
from app.modules.tasks.repository import TaskRepository
from app.modules.tasks.schemas import TaskQuery

TODO, DONE = TaskStatus.todo, TaskStatus.done


@pytest.fixture
async def tasks(database: Database, job: RequestContext) -> None:
    async with database.unit_of_work(job) as session:
        session.add_all([Task(title=f"t{n}", status=(TODO, DONE)[n % 2], due_date=date(2030, 1, 1)) for n in range(8)])


async def read(
    database: Database, monkeypatch: pytest.MonkeyPatch, query: TaskQuery, pages: int = 3
) -> tuple[list[str], list[AnySelect]]:
    """The titles on pages that follow each other, and the selects that read them."""
    context, seen, titles = RequestContext(), [], []
    session = database.read_session(context)
    original = ReadSession.all

    async def watched(self: ReadSession, statement: AnySelect, values: Values | None = None) -> Sequence[AnyRow]:
        if self is session:
            seen.append(statement)
        return await original(self, statement, values)

    with monkeypatch.context() as patch:
        patch.setattr(ReadSession, "all", watched)
        for _ in range(pages):
            titles += [row.title for row in (await TaskRepository(session).page(query)).items]
            query = query.model_copy(update={"cursor": context.next_cursor})
    return titles, seen


@pytest.mark.usefixtures("tasks")
async def test_pages_of_one_form_have_one_select(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The values of filters and cursor are its parameters."""
    few = TaskQuery.model_validate({"limit": 1, "status": [TODO], "due_date_gte": "2000-01-01", "sort": "title"})
    more = TaskQuery.model_validate({"limit": 2, "status": [TODO, DONE], "due_date_gte": "2001-01-01", "sort": "title"})

    titles, selects = await read(database, monkeypatch, few)
    other_titles, same = await read(database, monkeypatch, more)

    assert (titles, other_titles) == (["t0", "t2", "t4"], ["t0", "t1", "t2", "t3", "t4", "t5"])
    assert [one is other for one, other in zip(selects, same, strict=True)] == [True] * 3
    assert selects[0] is not selects[1]
    assert selects[1] is selects[2]


@pytest.mark.usefixtures("tasks")
@pytest.mark.parametrize(
    "change", [{"offset": 1}, {"sort": "-title"}, {"deleted": "only"}, {"due_date_lt": "2040-01-01"}]
)
async def test_another_form_has_another_select(
    database: Database, monkeypatch: pytest.MonkeyPatch, change: dict[str, object]
) -> None:
    query = TaskQuery.model_validate({"limit": 1, "status": [TODO], "sort": "title"})
    _, (one,) = await read(database, monkeypatch, query, pages=1)
    _, (other,) = await read(database, monkeypatch, TaskQuery.model_validate(query.model_dump() | change), pages=1)

    assert one is not other


async def test_selects_that_are_kept_are_bounded(database: Database) -> None:
    """Clients choose the forms, by filters and orders."""
    rows = TaskRepository(database.read_session(RequestContext()))
    for number in range(3 * SELECTS):
        rows.build_once(("form", number), rows.select)

    assert len(prebuilt) <= 2 * SELECTS
