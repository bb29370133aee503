"""A list under random writes against a plain Python model: every page equals the model's."""

from operator import itemgetter
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from tests.databases import Backend
from tests.machines import AppMachine, play
from tests.people import Person, person

TITLES = st.sampled_from(["alpha", "Beta", "beta two", "gamma"])
PRIORITIES = st.sampled_from(["low", "normal", "high"])
SORTS = st.sampled_from(["title", "-title", "created_at", "-created_at", "due_date,-title", "-due_date"])
DATES = st.sampled_from([None, "2030-01-01", "2030-01-02"])


class Lists(AppMachine):
    """`rows` are the visible rows by id, in the order of creation."""

    @initialize()
    def begin(self) -> None:
        self.caller: Person = self.run(person(self.app, self.client, superuser=True))
        self.rows: dict[str, dict[str, Any]] = {}
        self.hidden: dict[str, dict[str, Any]] = {}

    @rule(title=TITLES, priority=PRIORITIES, due=DATES, count=st.integers(1, 4))
    def create(self, title: str, priority: str, due: str | None, count: int) -> None:
        body = {"title": title, "priority": priority, "due_date": due}
        answer = self.run(self.caller.post("/tasks/bulk", {"create": [body] * count}))
        self.rows |= {item["id"]: item for item in answer.json()["created"]}

    @precondition(lambda self: self.rows)
    @rule(data=st.data(), title=TITLES, due=DATES)
    def change(self, data: st.DataObject, title: str, due: str | None) -> None:
        chosen = data.draw(st.sampled_from(list(self.rows)))
        answer = self.run(self.caller.patch(f"/tasks/{chosen}", {"title": title, "due_date": due}))
        self.rows[chosen] = answer.json()

    @precondition(lambda self: self.rows)
    @rule(data=st.data())
    def hide(self, data: st.DataObject) -> None:
        chosen = data.draw(st.sampled_from(list(self.rows)))
        assert self.run(self.caller.delete(f"/tasks/{chosen}")).status_code == 204
        self.hidden[chosen] = self.rows.pop(chosen)

    @precondition(lambda self: self.hidden)
    @rule(data=st.data())
    def show(self, data: st.DataObject) -> None:
        chosen = data.draw(st.sampled_from(list(self.hidden)))
        self.rows[chosen] = self.run(self.caller.post(f"/tasks/{chosen}/restore")).json()
        del self.hidden[chosen]

    @rule(sort=SORTS, limit=st.integers(1, 5), priority=st.none() | PRIORITIES, q=st.sampled_from([None, "be", "two"]))
    def walk(self, sort: str, limit: int, priority: str | None, q: str | None) -> None:
        asked = {"sort": sort, "limit": limit, "priority": priority, "q": q, "total": "true"}
        params: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
        wanted = ordered(self.rows.values(), sort, priority, q)
        found: list[dict[str, Any]] = []
        while True:
            page = self.run(self.caller.get("/tasks", params=params)).json()
            assert page["total"] == len(wanted)
            assert page["items"] == wanted[len(found) : len(found) + limit]
            found += page["items"]
            if page["next_cursor"] is None:
                break
            params["cursor"] = page["next_cursor"]
        assert found == wanted


def ordered(rows: Any, sort: str, priority: str | None, q: str | None) -> list[dict[str, Any]]:
    """The matching rows in the expected order: rows without a value last, the id as tie-break."""
    chosen = [row for row in rows if priority in (None, row["priority"])]
    if q:
        chosen = [row for row in chosen if any(word.startswith(q) for word in row["title"].lower().split())]
    parts = [(part.removeprefix("-"), part.startswith("-")) for part in sort.split(",")]
    for field, descending in reversed([*parts, ("id", parts[-1][1])]):
        valued = [row for row in chosen if row[field] is not None]
        missing = [row for row in chosen if row[field] is None]
        chosen = [*sorted(valued, key=itemgetter(field), reverse=descending), *missing]
    return chosen


def test_pages_equal_the_model(sqlite_template: tuple[Backend, str]) -> None:
    play(Lists, sqlite_template, examples=6, steps=25)
