"""Dependencies of endpoints: services, on a session that writes or on one that reads, and the caller."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import Depends, Query, Request

from app.core.context import Principal
from app.core.db.session import ReadSession, Session
from app.core.errors import Forbidden, Unauthenticated, invalid
from app.core.http.state import context_of, database_of

S = TypeVar("S")


class Transactional:
    """A route with such a dependency, anywhere in its tree, writes in transactions: see `http.route`."""


class TransactionalSession(Transactional):
    """Injects the session of the transaction that the route holds open around the endpoint."""

    async def __call__(self, request: Request) -> Session:
        return request.state.session  # type: ignore[no-any-return]  # Starlette's state is untyped


RequestSession = Annotated[Session, Depends(TransactionalSession())]


async def get_read_session(request: Request) -> ReadSession:
    return database_of(request).read_session(context_of(request))


async def get_replica_session(request: Request) -> ReadSession:
    return database_of(request).read_session(context_of(request), allow_replica=True)


def transactional(service: Callable[[Session], S]) -> Any:
    """Inject `service(session)` into an endpoint that writes, as one flat async dependency.

    A class behind a bare `Depends()` would cost a trip through the thread pool for every constructor in the chain.
    """

    async def build_service(session: RequestSession) -> S:
        return service(session)

    return Depends(build_service)


def read_only(service: Callable[[ReadSession], S], *, allow_replica: bool = False) -> Any:
    """Inject `service(read_session)` into an endpoint that only reads.

    `allow_replica` lets a replica answer, which shows all that the caller wrote, and seconds later what others wrote.
    """
    open_session = get_replica_session if allow_replica else get_read_session

    async def build_service(session: Annotated[ReadSession, Depends(open_session)]) -> S:
        return service(session)

    return Depends(build_service)


async def get_caller(request: Request) -> Principal:
    """The authenticated caller. Raises Unauthenticated on a public route."""
    principal = context_of(request).principal
    if principal is None:
        raise Unauthenticated("Sign in first.")
    return principal


Caller = Annotated[Principal, Depends(get_caller)]


DryRunFlag = Annotated[bool, Query(description="Change nothing; show what would change.")]


async def read_dry_run(request: Request, dry_run: DryRunFlag = False) -> None:  # noqa: FBT002  # a query parameter
    """Make the request a dry run if its parameter says so."""
    context_of(request).dry_run = dry_run


async def require_reason(request: Request) -> None:
    """Raise Invalid for a request that does not say why it is made (`Audit-Reason`)."""
    if context_of(request).reason is None:
        raise invalid("/header/Audit-Reason", "Say why you make this request.", "missing")


async def lock_policy(request: Request) -> None:
    """Make the transaction take the policy lock first, so that concurrent changes wait for each other in one order."""
    context_of(request).changes_policy = True


async def name_subject(request: Request) -> None:
    """Record which account the request is about: the one whose id the path names."""
    named = request.path_params.get("id")
    context_of(request).subject_id = named if isinstance(named, UUID) else None


async def target_other_account(request: Request) -> None:
    """Record on which account the request acts. Raises Forbidden for the caller's own.

    The endpoints of one's own account require the password or the second factor.
    """
    target = request.path_params.get("user_id") or request.path_params.get("id")
    context = context_of(request)
    try:
        context.target_user_id = UUID(str(target))
    except ValueError:
        return  # not a UUID; the endpoint refuses it
    if context.principal is not None and context.target_user_id == context.principal.user_id:
        raise Forbidden("For your own account use the endpoints of your own account.")
