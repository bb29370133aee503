"""Bulk changes: many operations in one request, all or none."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar, Generic, Self, TypeVar
from uuid import UUID

from fastapi import Request
from pydantic import BaseModel, Field, model_validator
from sqlalchemy.exc import SQLAlchemyError

from app.core.context import Principal
from app.core.db.flushes import one_flush
from app.core.db.integrity import client_problem
from app.core.errors import PreconditionRequired, Problem, permission_denied
from app.core.http.route import Route
from app.core.http.state import context_of, state_of
from app.core.resources.schemas import Patch, ResponseSchema, Schema
from app.core.resources.service import Service
from app.core.sentences import refusal

C = TypeVar("C", bound=Schema)
U = TypeVar("U", bound=Patch)
R = TypeVar("R", bound=BaseModel)
Op = TypeVar("Op")
T = TypeVar("T")

MAX_OPERATIONS = 500


class Operation(Schema):
    """An operation on one item."""

    id: UUID
    """The item."""
    version: int | None = Field(None, ge=1)
    """Only if this is still the version of the item."""


class BulkUpdate(Operation, Generic[U]):
    """A change of one item."""

    changes: U
    """The fields to change."""

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        return f"{params[0].__name__}Operation"


class BulkDelete(Operation):
    """The deletion of one item."""


class Bulk(Schema, Generic[C, U]):
    """At most 500 operations, executed in this order: create, update, delete."""

    actions: ClassVar[tuple[str, ...]] = ("create", "update", "delete")

    create: list[C] = Field([], max_length=MAX_OPERATIONS)
    """Items to create."""
    update: list[BulkUpdate[U]] = Field([], max_length=MAX_OPERATIONS)
    """Items to change."""
    delete: list[BulkDelete] = Field([], max_length=MAX_OPERATIONS)
    """Items to delete."""

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        return f"{params[0].__name__.removesuffix('Create')}Bulk"

    @model_validator(mode="after")
    def has_operations(self) -> Self:
        if not 1 <= len(self.create) + len(self.update) + len(self.delete) <= MAX_OPERATIONS:
            raise refusal("number-of-operations", f"Send 1 to {MAX_OPERATIONS} operations.", most=MAX_OPERATIONS)
        return self


class BulkResult(ResponseSchema, Generic[R]):
    """The items after the operations, in the order of the request."""

    created: list[R]
    """The created items."""
    updated: list[R]
    """The changed items."""
    deleted: list[UUID]
    """The identifiers of the deleted items."""

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        return f"{params[0].__name__.removesuffix('Read')}BulkResult"


def check_permissions(bulk: Bulk[Any, Any], slug: str, principal: Principal) -> None:
    """Raise Forbidden for an operation that the caller may not do. The guard required only one of the permissions."""
    for action in bulk.actions:
        if getattr(bulk, action) and not principal.scopes_of(f"{slug}:{action}"):
            raise permission_denied(f"This needs the permission {slug}:{action}.", f"{slug}:{action}")


def check_versions(bulk: Bulk[Any, Any]) -> None:
    """Raise PreconditionRequired for an operation without a version."""
    listed: dict[str, Sequence[Operation]] = {"update": bulk.update, "delete": bulk.delete}
    for action, operations in listed.items():
        for index, operation in enumerate(operations):
            if operation.version is None:
                detail = "Send the version of what you read."
                raise PreconditionRequired(detail).relocate(f"/body/{action}/{index}")


class BulkRoute(Route):
    """Checks the permission of each operation before a stored response is replayed or anything is executed."""

    @property
    def by_member(self) -> dict[str, list[str]]:
        """The permission that each list of operations needs."""
        return {action: [f"{self.tags[0]}:{action}"] for action in Bulk.actions}

    async def read_body(self, request: Request) -> Any:
        bulk, principal = await super().read_body(request), context_of(request).principal
        if isinstance(bulk, Bulk) and principal is not None:
            check_permissions(bulk, str(self.tags[0]), principal)
            if state_of(request).settings.limits.require_if_match:
                check_versions(bulk)
        return bulk


async def execute(service: Service[Any], bulk: Bulk[Any, Any]) -> dict[str, Any]:
    """Execute all operations in the caller's transaction. Raises the first Problem, with pointers to its operation."""
    touched: list[Operation] = [*bulk.update, *bulk.delete]
    await service.rows.lock_all([operation.id for operation in touched])
    created = await create_all(service, bulk.create)

    async def change(operation: BulkUpdate[Any]) -> Any:
        return await service.change(operation.id, operation.changes, if_match_of(operation.version))

    async def remove(operation: BulkDelete) -> None:
        await service.delete(operation.id, if_match_of(operation.version))

    changed = await apply_all(service, "update", bulk.update, change)
    updated = list(await service.rows.reload_for_read(changed)) if changed else []
    await apply_all(service, "delete", bulk.delete, remove)
    return {"created": created, "updated": updated, "deleted": [deletion.id for deletion in bulk.delete]}


async def create_all(service: Service[Any], items: Sequence[Schema]) -> list[Any]:
    """Create `items` in one flush; if that fails, one by one, to find the invalid one."""
    if not items:
        return []
    session = service.rows.writer
    with session.context.act_by("create"):
        try:
            async with session.begin_nested():
                return await service.create_many(items)
        except (Problem, SQLAlchemyError):
            return await one_by_one("create", items, service.create)


async def apply_all(
    service: Service[Any], action: str, operations: Sequence[Op], apply: Callable[[Op], Awaitable[T]]
) -> list[T]:
    """Apply `operations` in one flush; if that fails, one by one, to find the invalid one."""
    if not operations:
        return []
    session = service.rows.writer
    with session.context.act_by(action):
        try:
            async with session.begin_nested(), one_flush(service.rows):
                return [await apply(operation) for operation in operations]
        except (Problem, SQLAlchemyError):
            return await one_by_one(action, operations, apply)


async def one_by_one(action: str, operations: Sequence[Op], apply: Callable[[Op], Awaitable[T]]) -> list[T]:
    """Apply each operation for itself. Raises the first Problem, with pointers to its operation."""
    results = []
    for index, operation in enumerate(operations):
        async with problems_at(f"/body/{action}/{index}", "/changes" if action == "update" else ""):
            results.append(await apply(operation))
    return results


def if_match_of(version: int | None) -> str | None:
    """The `If-Match` of a version."""
    return None if version is None else f'"{version}"'


@asynccontextmanager
async def problems_at(place: str, fields: str) -> AsyncIterator[None]:
    """Make the pointers of a Problem in the block start at the operation at `place`, which has `fields` below it."""
    try:
        yield
    except (Problem, SQLAlchemyError) as error:
        raise client_problem(error).relocate(place, fields) from error
