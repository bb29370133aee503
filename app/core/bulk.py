"""Many changes in one request: all of them, or none."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar, Generic, Self, TypeVar
from uuid import UUID

from fastapi import Request
from pydantic import BaseModel, Field, TypeAdapter, model_validator
from sqlalchemy.exc import SQLAlchemyError

from app.core.constraints import refusal_of
from app.core.context import Principal
from app.core.db import context_of, database_of
from app.core.errors import Forbidden, PreconditionRequired, Problem
from app.core.routing import Route
from app.core.schema import Patch, Schema
from app.core.service import Service

C = TypeVar("C", bound=Schema)
U = TypeVar("U", bound=Patch)
R = TypeVar("R", bound=BaseModel)

MAX_OPERATIONS = 500


class Operation(Schema):
    """What is done to one item; with `version` only while that is its version."""

    id: UUID
    version: int | None = Field(None, ge=1)


class BulkUpdate(Operation, Generic[U]):
    """A change of one item."""

    changes: U

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        return f"{params[0].__name__}Operation"


class BulkDelete(Operation):
    """The end of one item."""


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
    def within_limits(self) -> Self:
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


def refuse_without_version(bulk: Bulk[Any, Any]) -> None:
    """Raise PreconditionRequired where an operation does not say of which version it is."""
    listed: dict[str, Sequence[Operation]] = {"update": bulk.update, "delete": bulk.delete}
    for action, operations in listed.items():
        for index, operation in enumerate(operations):
            if operation.version is None:
                detail = "Send the version of what you read."
                raise PreconditionRequired(detail).moved(f"/body/{action}/{index}")


class BulkRoute(Route):
    """Judges each operation before an answer is recalled or anything is done."""

    async def read(self, request: Request, adapter: TypeAdapter[Any] | None) -> Request:
        request = await super().read(request, adapter)
        bulk, principal = getattr(request, "content", None), context_of(request).principal
        if isinstance(bulk, Bulk) and principal is not None:
            refuse_unheld(bulk, str(self.tags[0]), principal)
            if database_of(request).settings.limits.require_if_match:
                refuse_without_version(bulk)
        return request


async def carry_out(service: Service[Any], bulk: Bulk[Any, Any]) -> dict[str, Any]:
    """Do all operations in the caller's transaction. Raises the first Problem, its errors pointing at the operation."""
    touched: list[Operation] = [*bulk.update, *bulk.delete]
    await service.rows.lock_all([operation.id for operation in touched])
    created = await create_all(service, bulk.create)
    updated = []
    for index, operation in enumerate(bulk.update):
        async with pointing_at(f"update/{index}"):
            updated.append(await service.update(operation.id, operation.changes, if_match_of(operation.version)))
    for index, ending in enumerate(bulk.delete):
        async with pointing_at(f"delete/{index}"):
            await service.delete(ending.id, if_match_of(ending.version))
    return {"created": created, "updated": updated, "deleted": [ending.id for ending in bulk.delete]}


async def create_all(service: Service[Any], items: Sequence[Schema]) -> list[Any]:
    """Create `items` in one flush; where one is refused, find out which."""
    session = service.rows.writer
    try:
        async with session.begin_nested():
            return await service.create_many(items)
    except (Problem, SQLAlchemyError):
        created = []
        for index, item in enumerate(items):
            async with pointing_at(f"create/{index}"):
                created.append(await service.create(item))
        return created


def if_match_of(version: int | None) -> str | None:
    return None if version is None else f'"{version}"'


@asynccontextmanager
async def pointing_at(place: str) -> AsyncIterator[None]:
    """Let a Problem of the block say which operation it is about."""
    try:
        yield
    except (Problem, SQLAlchemyError) as error:
        raise refusal_of(error).moved(f"/body/{place}") from error
