"""Many changes in one request: all of them, or none."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar, Generic, Self, TypeVar
from uuid import UUID

from pydantic import BaseModel, Field, model_validator
from sqlalchemy.exc import SQLAlchemyError

from app.core.constraints import explain
from app.core.context import Principal
from app.core.errors import Forbidden, Problem
from app.core.schema import Patch, Schema
from app.core.service import Service

C = TypeVar("C", bound=Schema)
U = TypeVar("U", bound=Patch)
R = TypeVar("R", bound=BaseModel)

MAX_OPERATIONS = 500


class BulkUpdate(Schema, Generic[U]):
    """A change of one item; with `version` only while that is its version."""

    id: UUID
    version: int | None = Field(None, ge=1)
    changes: U

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        return f"{params[0].__name__}Operation"


class BulkDelete(Schema):
    """The end of one item; with `version` only while that is its version."""

    id: UUID
    version: int | None = Field(None, ge=1)


class Bulk(Schema, Generic[C, U]):
    """At most 500 operations. They are done in this order: create, update, delete."""

    actions: ClassVar[tuple[str, ...]] = ("create", "update", "delete")

    create: list[C] = Field([], max_length=MAX_OPERATIONS)
    update: list[BulkUpdate[U]] = Field([], max_length=MAX_OPERATIONS)
    delete: list[BulkDelete] = Field([], max_length=MAX_OPERATIONS)

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        return f"{params[0].__name__.removesuffix('Create')}Bulk"

    @model_validator(mode="after")
    def at_most_500_in_all(self) -> Self:
        if not 1 <= len(self.create) + len(self.update) + len(self.delete) <= MAX_OPERATIONS:
            raise ValueError(f"send 1 to {MAX_OPERATIONS} operations")
        return self


class BulkResult(BaseModel, Generic[R]):
    """The items as they are now, in the order of the request."""

    created: list[R]
    updated: list[R]
    deleted: list[UUID]

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        return f"{params[0].__name__.removesuffix('Read')}BulkResult"


def refuse_unheld(bulk: Bulk[Any, Any], slug: str, principal: Principal) -> None:
    """Raise Forbidden for an operation that the caller may not do; the guard saw that one of them is allowed."""
    for action in bulk.actions:
        if getattr(bulk, action) and not principal.may(f"{slug}:{action}"):
            raise Forbidden(f"This needs the permission {slug}:{action}.")


async def carry_out(service: Service[Any], bulk: Bulk[Any, Any]) -> dict[str, Any]:
    """Do all operations in the caller's transaction. Raises the first Problem, its errors pointing at the operation."""
    created = await create_all(service, bulk.create)
    updated = []
    for index, operation in enumerate(bulk.update):
        async with pointing_at(f"update/{index}"):
            updated.append(await service.update(operation.id, operation.changes, tag(operation.version)))
    for index, ending in enumerate(bulk.delete):
        async with pointing_at(f"delete/{index}"):
            await service.delete(ending.id, tag(ending.version))
    return {"created": created, "updated": updated, "deleted": [ending.id for ending in bulk.delete]}


async def create_all(service: Service[Any], items: Sequence[Schema]) -> list[Any]:
    """Create `items` in one statement; where one is refused, find out which."""
    session = service.rows.writer
    try:
        async with session.begin_nested():
            return await service.create_many(items)
    except (Problem, SQLAlchemyError) as refused:
        for index, item in enumerate(items):
            async with pointing_at(f"create/{index}"):
                await service.create(item)
        raise refused


def tag(version: int | None) -> str | None:
    return None if version is None else f'"{version}"'


@asynccontextmanager
async def pointing_at(place: str) -> AsyncIterator[None]:
    """Let a Problem of the block say which operation it is about."""
    try:
        yield
    except (Problem, SQLAlchemyError) as error:
        problem = error if isinstance(error, Problem) else explain(error)
        if problem is None or problem.status >= 500:  # noqa: PLR2004  # a failure of ours is about no operation
            raise
        raise problem.moved(f"/body/{place}") from error
