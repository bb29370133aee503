"""Derived columns: filled in with their row, and no part of what is told of it."""

from typing import Any

import pytest
from sqlalchemy import Column, MetaData, String, Table

from app.core.db.derived import derivations, derive_values, derived, own_columns


def length_of_name(values: Any) -> int:
    return len(values["name"])


@pytest.fixture
def table() -> Table:
    made = Column("length", String, info=derived(length_of_name, ["name"]))
    return Table("of_a_test", MetaData(), Column("name", String), Column("size", String), made)


def test_a_derived_column_is_made_again_where_one_of_its_sources_changes(table: Table) -> None:
    values = {"name": "lamp", "size": "small"}

    assert derive_values(table, values, {"name", "size"}) == {"length": 4}
    assert derive_values(table, values, {"size"}) == {}


def test_own_columns_follow_from_no_others(table: Table) -> None:
    assert [column.name for column in own_columns(table)] == ["name", "size"]
    assert list(derivations(table)) == ["length"]
