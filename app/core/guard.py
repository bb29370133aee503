"""The lock on every endpoint: public, signed in, or guarded by `module:action`. Each route has exactly one.

The route runs its guard before it reads the body; as a dependency the guard then finds itself decided.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Protocol

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.security import OAuth2PasswordBearer

from app.core.context import Principal, RequestContext
from app.core.db import context_of
from app.core.errors import FieldError, Forbidden, Invalid, Malformed, Unauthenticated

TOKEN_URL = "/api/v1/auth/token"  # noqa: S105  # an address, not a secret


class Gate(Protocol):
    """Turns a bearer token into what its holder may do. The composition root puts one on `app.state.gate`."""

    async def admit(self, token: str, context: RequestContext) -> Principal:
        """Raises Unauthenticated."""


class Public:
    """Anybody may call. `synced`: the access row is on the disk itself before the answer leaves."""

    def __init__(self, *, synced: bool = False) -> None:
        self.synced = synced

    async def __call__(self, request: Request) -> None:
        context = context_of(request)
        context.durable = self.synced
        if context.decision is None:
            context.decision = "public"
            refuse_unknown_query(request)


class SignedIn(OAuth2PasswordBearer):
    """Whoever is signed in may call."""

    def __init__(self, *, synced: bool = False) -> None:
        super().__init__(tokenUrl=TOKEN_URL, scheme_name="session")
        self.synced = synced

    async def __call__(self, request: Request) -> None:  # type: ignore[override]  # it decides, it returns no token
        context = context_of(request)
        context.durable = self.synced
        if context.decision is not None:
            return
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("Sign in first: send `Authorization: Bearer <access token>`.")
        gate: Gate = request.app.state.gate
        context.decision = self.decide(await gate.admit(token, context), request)
        refuse_unknown_query(request)

    def decide(self, principal: Principal, request: Request) -> str:
        return "signed-in"


class Requires(SignedIn):
    """Whoever holds one of `permissions` may call; listing what was deleted takes the delete permission as well."""

    def __init__(self, *permissions: str, synced: bool = False) -> None:
        super().__init__(synced=synced)
        self.permissions = permissions

    def decide(self, principal: Principal, request: Request) -> str:
        held = next((permission for permission in self.permissions if principal.may(permission)), None)
        if held is None:
            raise Forbidden(f"This needs the permission {' or '.join(self.permissions)}.")
        deleting = f"{held.partition(':')[0]}:delete"
        if request.query_params.get("deleted") and not principal.may(deleting):
            raise Forbidden(f"Listing what was deleted needs the permission {deleting}.")
        return held


Guard = Public | SignedIn

public: Any = Depends(Public())
public_synced: Any = Depends(Public(synced=True))
signed_in: Any = Depends(SignedIn())
signed_in_synced: Any = Depends(SignedIn(synced=True))


def requires(*permissions: str, synced: bool = False) -> Any:
    """The dependency of a guarded route; any one of `permissions` (`module:action`) is enough."""
    return Depends(Requires(*permissions, synced=synced))


async def caller(request: Request) -> Principal:
    """The signed-in caller. Raises Unauthenticated on a route that did not ask for one."""
    principal = context_of(request).principal
    if principal is None:
        raise Unauthenticated("Sign in first.")
    return principal


def refuse_unknown_query(request: Request) -> None:
    """Raise Invalid for a query parameter that the route does not declare: a misspelt filter must not widen a list."""
    query = request.scope["query_string"]
    if not query:
        return
    names = known_query(request.scope["route"])
    unknown = [name for name in request.query_params if name not in names]
    if b"%00" in query:
        raise Malformed("The address holds a character that text cannot hold.")
    if unknown:
        errors: list[FieldError] = [
            {"pointer": f"/query/{name}", "detail": "There is no such parameter.", "code": "unknown-parameter"}
            for name in unknown
        ]
        raise Invalid("The request has an unknown query parameter.", errors=errors)


def known_query(route: Any) -> frozenset[str]:
    """The query parameters of a route; a parameter that is a model stands for its fields."""
    cached: frozenset[str] | None = getattr(route, "known_query", None)
    if cached is None:
        names: set[str] = set()
        for dependant in flat(route.dependant):
            for field in dependant.query_params:
                model = field.field_info.annotation
                names |= set(getattr(model, "model_fields", ())) or {field.alias}
        cached = route.known_query = frozenset(names)
    return cached


def flat(dependant: Dependant) -> Iterator[Dependant]:
    """`dependant` and everything below it."""
    yield dependant
    for below in dependant.dependencies:
        yield from flat(below)


Caller = Annotated[Principal, Depends(caller)]
