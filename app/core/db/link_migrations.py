"""The migration operation `create_link_index`: an index of the change log by what a row between two tables links."""

from typing import Any

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation, Operations
from sqlalchemy import MetaData, Table
from sqlalchemy.schema import CreateIndex

from app.core.db.link_indexes import link_index


@Operations.register_operation("create_link_index")
class CreateLinkIndex(MigrateOperation):
    """`op.create_link_index("audit_change", "product_tag", "tag_id")`."""

    def __init__(self, log: str, table: str, name: str) -> None:
        self.log = log
        self.table = table
        self.name = name

    @classmethod
    def create_link_index(cls, operations: Operations, log: str, table: str, name: str) -> Any:
        return operations.invoke(cls(log, table, name))


@Operations.implementation_for(CreateLinkIndex)
def create_link_index(operations: Operations, operation: CreateLinkIndex) -> None:
    index = link_index(Table(operation.log, MetaData()), operation.table, operation.name)
    operations.get_bind().execute(CreateIndex(index))


@renderers.dispatch_for(CreateLinkIndex)
def render_link_index(_context: AutogenContext, operation: CreateLinkIndex) -> str:
    arguments = ", ".join(repr(name) for name in (operation.log, operation.table, operation.name))
    return f"op.create_link_index({arguments})  # type: ignore[attr-defined]  # our own operation"
