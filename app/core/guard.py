"""The lock on every endpoint: public, signed in, or guarded by `module:action`. Each route has exactly one.

The route runs its guard before it reads the body; as a dependency the guard then finds itself decided.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any, Protocol
from uuid import UUID

from fastapi import Depends, Query, Request
from fastapi.dependencies.models import Dependant
from fastapi.security import OAuth2PasswordBearer

from app.core.context import Actor, Principal, RequestContext
from app.core.db import RequestSession, context_of
from app.core.errors import FieldError, Forbidden, Invalid, Malformed, StepUpRequired, Unauthenticated
from app.core.signatures import Signatures
from app.core.types import now

TOKEN_URL = "/api/v1/auth/token"  # noqa: S105  # an address, not a secret
RESTRICTIONS = {
    "password-change-required": "Change your password first: POST /api/v1/auth/me/password.",
    "second-factor-required": "Enrol a second factor first: POST /api/v1/auth/me/second-factor.",
}
"""By error code: the way out of a restriction."""


class Gate(Protocol):
    """Turns a bearer token into what its holder may do. The composition root puts one on `app.state.gate`."""

    async def admit(self, token: str, context: RequestContext) -> Principal:
        """Raises Unauthenticated."""


class Restricted(Forbidden):
    """Signed in, and first something else has to be done; `code` says what."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code  # type: ignore[misc]  # the one error whose code the account decides


class Public:
    """Anybody may call. `synced`: the access row is on the disk itself before the answer leaves; `counted`: the rate
    limit of addresses applies."""

    def __init__(self, *, synced: bool = False, counted: bool = True) -> None:
        self.synced = synced
        self.counted = counted

    async def __call__(self, request: Request) -> None:
        context = context_of(request)
        context.durable = self.synced
        if context.decision is None:
            context.decision = "public"
            refuse_unknown_query(request)


class Internal:
    """Services of our own may call, and sign each call. The rate limit is for those who cannot."""

    synced = True
    counted = False

    async def __call__(self, request: Request) -> None:
        context = context_of(request)
        context.durable = True
        if context.decision is not None:
            return
        signatures: Signatures = request.app.state.signatures
        key_id = await signatures.verify(request)
        context.actor = Actor("service", name=key_id)
        context.auth_method = "signature"
        context.decision = "internal"
        refuse_unknown_query(request)


class SignedIn(OAuth2PasswordBearer):
    """Whoever is signed in may call: with a session only where `in_person`, restricted or not where `always`."""

    def __init__(self, *, synced: bool = False, in_person: bool = False, always: bool = False) -> None:
        super().__init__(tokenUrl=TOKEN_URL, scheme_name="session")
        self.synced = synced
        self.in_person = in_person
        self.always = always

    async def __call__(self, request: Request) -> None:  # type: ignore[override]  # it decides, it returns no token
        context = context_of(request)
        context.durable = self.synced
        if context.decision is not None:
            return
        context.decision = await self.judge(request)
        refuse_unknown_query(request)

    async def judge(self, request: Request) -> str:
        """What lets the caller in. Raises Unauthenticated, Forbidden; asked again by what takes long."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("Sign in first: send `Authorization: Bearer <access token>`.")
        gate: Gate = request.app.state.gate
        principal = await gate.admit(token, context_of(request))
        self.refuse_unfit(principal)
        return self.decide(principal, request)

    def refuse_unfit(self, principal: Principal) -> None:
        """Raise Forbidden for a session that may not do anything yet, and for a machine where a person is needed."""
        if principal.restriction and not self.always:
            raise Restricted(principal.restriction, RESTRICTIONS[principal.restriction])
        if self.in_person and principal.session_id is None:
            raise Forbidden("An API key cannot do this; sign in.")

    def decide(self, principal: Principal, request: Request) -> str:
        return "signed-in"


class Requires(SignedIn):
    """Whoever holds one of `permissions` may call; listing what was deleted takes the delete permission as well."""

    def __init__(self, *permissions: str, synced: bool = False, in_person: bool = False) -> None:
        super().__init__(synced=synced, in_person=in_person)
        self.permissions = permissions

    def decide(self, principal: Principal, request: Request) -> str:
        held = next((permission for permission in self.permissions if principal.may(permission)), None)
        if held is None:
            raise Forbidden(f"This needs the permission {' or '.join(self.permissions)}.")
        deleting = f"{held.partition(':')[0]}:delete"
        if request.query_params.get("deleted") and not principal.may(deleting):
            raise Forbidden(f"Listing what was deleted needs the permission {deleting}.")
        return held


Guard = Public | Internal | SignedIn

public: Any = Depends(Public())
public_synced: Any = Depends(Public(synced=True))
uncounted: Any = Depends(Public(counted=False))
"""Public, and never refused for asking too often: health checks."""
internal: Any = Depends(Internal())
signed_in: Any = Depends(SignedIn())
signed_in_always: Any = Depends(SignedIn(always=True))
in_person: Any = Depends(SignedIn(in_person=True))
in_person_synced: Any = Depends(SignedIn(in_person=True, synced=True))
always_in_person: Any = Depends(SignedIn(in_person=True, always=True, synced=True))
"""Also for a session that must first change its password or enrol a second factor."""


def requires(*permissions: str, synced: bool = False) -> Any:
    """The dependency of a guarded route; any one of `permissions` (`module:action`) is enough."""
    return Depends(Requires(*permissions, synced=synced))


def policy_write(*permissions: str) -> list[Any]:
    """The dependencies of a route that may change who may do what: `dry_run=true` tells, and undoes."""
    return [requires(*permissions, synced=True), Depends(note_dry_run), Depends(lock_policy)]


def previewed_write(*permissions: str) -> list[Any]:
    """As `policy_write`, without the lock: for what is rarely policy, and takes long before it asks the database."""
    return [requires(*permissions, synced=True), Depends(note_dry_run)]


def account_write() -> list[Any]:
    """The dependencies of a route by which one person acts on the account of another."""
    return [Depends(Requires("users:update", synced=True, in_person=True)), Depends(refuse_oneself)]


async def refuse_oneself(request: Request) -> None:
    """Raise Forbidden for one's own account: there the password, or the second factor, is asked for."""
    target = request.path_params.get("user_id") or request.path_params.get("id")
    principal = context_of(request).principal
    try:
        is_own = principal is not None and UUID(str(target)) == principal.user_id
    except ValueError:
        return  # no id in any spelling: for the endpoint to refuse
    if is_own:
        raise Forbidden("For your own account use the addresses below /api/v1/auth.")


async def lock_policy(session: RequestSession) -> None:
    """Take the policy's lock before any other, so that concurrent changes wait for each other in one order."""
    await session.lock_policy()


async def note_dry_run(
    request: Request,
    dry_run: Annotated[bool, Query(description="Change nothing; answer who would gain and lose what.")] = False,  # noqa: FBT002  # a query parameter
) -> None:
    context_of(request).dry_run = dry_run


async def caller(request: Request) -> Principal:
    """The signed-in caller. Raises Unauthenticated on a route that did not ask for one."""
    principal = context_of(request).principal
    if principal is None:
        raise Unauthenticated("Sign in first.")
    return principal


def refuse_without_step_up(principal: Principal, ttl: int) -> None:
    """Raise StepUpRequired unless the caller, if enrolled, showed the second factor in the last `ttl` seconds."""
    if not principal.has_second_factor:
        return
    if principal.verified_at is None or principal.verified_at + timedelta(seconds=ttl) < now():
        raise StepUpRequired("This needs your second factor again: POST /api/v1/auth/step-up.")


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
            {"pointer": f"/query/{name[:100]}", "detail": "There is no such parameter.", "code": "unknown-parameter"}
            for name in unknown[:20]
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
