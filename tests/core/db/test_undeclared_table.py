"""A table outside of the audit log says why, or nothing starts."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Column, Integer, Table
from sqlmodel import Field, SQLModel

from app.modules.audit.changes.redaction_rules import UndeclaredTable, check_tables


@pytest.fixture
def forgotten() -> Iterator[list[Any]]:
    """Tables that a test declared; they leave the metadata again."""
    tables: list[Any] = []
    yield tables
    for table in tables:
        SQLModel.metadata.remove(table)


def test_every_table_of_the_product_is_audited_or_says_why() -> None:
    check_tables()


def test_a_plain_model_stops_the_start_with_its_name(forgotten: list[Any]) -> None:
    class TagLink(SQLModel, table=True):
        __tablename__ = "tag_link_of_a_test"

        task_id: int = Field(primary_key=True)

    forgotten.append(SQLModel.metadata.tables["tag_link_of_a_test"])

    with pytest.raises(UndeclaredTable, match="tag_link_of_a_test"):
        check_tables()


def test_a_table_without_a_model_stops_the_start_with_its_name(forgotten: list[Any]) -> None:
    forgotten.append(Table("link_of_a_test", SQLModel.metadata, Column("id", Integer, primary_key=True)))

    with pytest.raises(UndeclaredTable, match="link_of_a_test"):
        check_tables()
