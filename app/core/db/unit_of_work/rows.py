"""The rows of a unit of work: those that it loaded, as they were, those that are new, and those to delete."""

from collections.abc import Iterable, Sequence
from typing import TypeVar, cast

from sqlalchemy.exc import InvalidRequestError
from sqlmodel import SQLModel

from app.core.db.unit_of_work.change import Change, Key, Values, changed_names, creation_of, key_of

M = TypeVar("M", bound=SQLModel)
Loaded = dict[Key, tuple[SQLModel, Values]]
"""Each row with its stored values."""


class Rows:
    """Finds what a unit of work changes, by comparing its rows with what is stored."""

    def __init__(self) -> None:
        self.loaded: Loaded = {}
        self.locked: set[Key] = set()
        """The rows among them that stay as they are: this transaction holds their locks."""
        self.new: dict[int, SQLModel] = {}
        self.deleted: dict[int, SQLModel] = {}

    def adopt(self, model: type[M], values: Values) -> M:
        """The entity of a stored row. One that is known is brought up to date, unless it has changes to write."""
        row: M = model.__new__(model)
        row.__dict__.update(values)
        key = key_of(row)
        if key in self.loaded:
            known, before = self.loaded[key]
            if known.__dict__ != before:
                return cast("M", known)
            known.__dict__.update(values)
            row = cast("M", known)
        self.loaded[key] = row, values
        return row

    def add(self, row: SQLModel) -> None:
        """Insert `row` with the next flush, unless it is stored."""
        if not is_loaded(row, self.loaded):
            self.new[id(row)] = row

    def add_all(self, rows: Iterable[SQLModel]) -> None:
        for row in rows:
            self.add(row)

    def remove(self, row: SQLModel) -> None:
        """Delete `row` with the next flush. Raises InvalidRequestError for one that this unit did not load."""
        if self.new.pop(id(row), None) is not None:
            return
        if not is_loaded(row, self.loaded):
            raise InvalidRequestError(f"this {type(row).__name__} is not stored, or was loaded elsewhere")
        self.deleted[id(row)] = row

    def is_current(self, key: Key) -> bool:
        """Whether the row is locked, and has no changes to write."""
        return key in self.locked and key in self.loaded and self.loaded[key][0].__dict__ == self.loaded[key][1]

    def has_changes(self) -> bool:
        """Whether a flush would write something."""
        return bool(self.new or self.deleted or any(row.__dict__ != before for row, before in self.loaded.values()))

    def changes(self) -> list[Change]:
        """What a flush writes: created rows, then updated, then deleted ones."""
        updated = [
            Change("update", row, before, row.__dict__, changed_names(before, row.__dict__))
            for row, before in self.loaded.values()
            if row.__dict__ != before and id(row) not in self.deleted
        ]
        deleted = [Change("delete", row, self.loaded[key_of(row)][1], {}, frozenset()) for row in self.deleted.values()]
        return [*map(creation_of, self.new.values()), *updated, *deleted]

    def accept(self, changes: Sequence[Change]) -> None:
        """Take `changes` as written."""
        for change in changes:
            key = key_of(change.row)
            if change.action == "delete":
                self.loaded.pop(key, None)
            else:
                self.loaded[key] = change.row, dict(change.row.__dict__)
        self.new.clear()
        self.deleted.clear()

    def restore(self, loaded: Loaded) -> None:
        """Go back to the rows and values of `loaded`, a copy made when nothing was left to write."""
        self.loaded = loaded
        for row, before in loaded.values():
            row.__dict__.update(before)
        self.new.clear()
        self.deleted.clear()

    def expunge_all(self) -> None:
        """Forget every row: what was changed since the last flush is not written."""
        self.restore({})


def is_loaded(row: SQLModel, loaded: Loaded) -> bool:
    """Whether it is this very object that stands for its stored row."""
    known = loaded.get(key_of(row))
    return known is not None and known[0] is row
