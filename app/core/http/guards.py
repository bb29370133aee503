"""Guards decide who may call an endpoint. A route has exactly one, and runs it once, before it reads the body."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from copy import copy
from typing import Any, Self

from fastapi import Depends, Request, params

from app.core.context import Actor, Need, Principal
from app.core.errors import Forbidden, Unauthenticated, permission_denied
from app.core.http.accept import requested_file_type
from app.core.http.dependencies import lock_policy, read_dry_run, target_other_account
from app.core.http.file_formats import EXPORT_TYPES, FILE_TYPES
from app.core.http.state import context_of, state_of
from app.core.security.request_signing import SignedCall

RESUMED_SESSION = "attest.resumed_session"
"""In the scope of a request that continues a session: its id. Only the application puts it there."""


class Guard(ABC):
    """Decides whether a request is admitted.

    `durable_audit`: the access entry is synced to disk before the response ends. `rate_limited`: the request counts.
    `leaves_query`: the query is for the page that is served, and may be any.
    """

    is_public = False
    needs_caller = False
    """Whether the caller must be authenticated."""

    def __init__(self, *, durable_audit: bool = False, rate_limited: bool = True, leaves_query: bool = False) -> None:
        self.durable_audit = durable_audit
        self.rate_limited = rate_limited
        self.leaves_query = leaves_query

    @property
    def may_show_secrets(self) -> bool:
        """Whether responses may show a secret beside what a client sent, so that they are never compressed.

        Tokens come from public endpoints; what is shown once, such as an API key or a password, requires a session.
        """
        return True

    @abstractmethod
    async def __call__(self, request: Request) -> str:
        """The rule that admits the caller, for the audit log. Raises Unauthenticated, Forbidden."""


class Public(Guard):
    """Admits every request."""

    is_public = True

    async def __call__(self, request: Request) -> str:
        return "public"


class SignedByService(Guard):
    """Admits calls that an internal service has signed. They are not rate limited."""

    def __init__(self) -> None:
        super().__init__(durable_audit=True, rate_limited=False)

    async def __call__(self, request: Request) -> str:
        path = request.scope.get("raw_path", b"").partition(b"?")[0].decode("latin-1")
        query = request.scope["query_string"].decode("latin-1")
        call = SignedCall(request.method, path, query, request.headers, await request.body())
        key_id = await state_of(request).signature_verifier.verify(call)
        context = context_of(request)
        context.actor = Actor("service", name=key_id)
        context.auth_method = "signature"
        return "internal"


class Authenticated(Guard):
    """Requires an authenticated caller.

    `session_only` rejects API keys; `allow_restricted` also admits callers who must first change a password or enrol a
    second factor: all of them, or those with this need. `may_step_up` says that the operation can ask for the second
    factor again.
    """

    needs_caller = True

    def __init__(
        self,
        *,
        durable_audit: bool = False,
        session_only: bool = False,
        allow_restricted: bool | Need = False,
        may_step_up: bool = False,
    ) -> None:
        super().__init__(durable_audit=durable_audit)
        self.session_only = session_only
        self.allow_restricted = allow_restricted
        self.may_step_up = may_step_up

    @property
    def may_show_secrets(self) -> bool:
        return self.session_only

    async def __call__(self, request: Request) -> str:
        return self.authorize(await self.authenticate(request), request)

    async def authenticate(self, request: Request) -> Principal:
        """The caller, by the access token or API key of the request. Raises Unauthenticated."""
        authenticator, context = state_of(request).authenticator, context_of(request)
        if RESUMED_SESSION in request.scope:
            return await authenticator.resume(request.scope[RESUMED_SESSION], context)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("Sign in first: send `Authorization: Bearer <access token>`.")
        return await authenticator.authenticate(token, context)

    def authorize(self, principal: Principal, request: Request) -> str:
        """The rule that admits the caller. Raises Forbidden."""
        self.check_restrictions(principal)
        return self.check_permissions(principal, request)

    def check_restrictions(self, principal: Principal) -> None:
        """Raise Forbidden for a restricted caller, and for an API key where a session is required."""
        restriction = principal.restriction
        if restriction and self.allow_restricted not in (True, restriction.need):
            raise restriction.problem(restriction.detail)
        if self.session_only and principal.session_id is None:
            raise Forbidden("An API key cannot do this; sign in.")

    def check_permissions(self, principal: Principal, request: Request) -> str:
        """The rule that admits the caller. Raises Forbidden."""
        return "signed-in"


class RequiresPermission(Authenticated):
    """Requires one of `permissions`, and to read the module: answers to a change tell what is stored.

    `without_read`: the answers tell nothing that was stored before, so that reading is not required. Reading deleted
    items requires the delete permission as well. `also` are permissions that are required besides, of other modules.
    """

    export: str | None = None
    """The permission that a list as a file requires besides, of callers whom a permission of its module admits."""

    def __init__(
        self,
        *permissions: str,
        durable_audit: bool = False,
        session_only: bool = False,
        without_read: bool = False,
        also: Sequence[str] = (),
        may_step_up: bool = False,
    ) -> None:
        super().__init__(durable_audit=durable_audit, session_only=session_only, may_step_up=may_step_up)
        self.permissions = permissions
        self.without_read = without_read
        self.also = also

    @property
    def alternatives(self) -> list[list[str]]:
        """The permissions that admit a caller: all of one of these lists."""
        return [list(dict.fromkeys((held, *self.read_beside(held), *self.also))) for held in self.permissions]

    def read_beside(self, permission: str) -> list[str]:
        """The permission to read the module of `permission`, where that is required besides."""
        return [] if self.without_read else [f"{permission.partition(':')[0]}:read"]

    @property
    def by_parameter(self) -> dict[str, dict[str, list[str]]]:
        """Permissions that are required besides, by query parameter and its value."""
        files = {} if self.export is None else {"format": {name: [self.export] for name in FILE_TYPES.values()}}
        return {"deleted": {"only": [f"{self.permissions[0].partition(':')[0]}:delete"]}, **files}

    def with_export(self, permission: str) -> Self:
        """This guard, for a list whose files require `permission`."""
        guard = copy(self)
        guard.export = permission
        return guard

    def authorize(self, principal: Principal, request: Request) -> str:
        """The rule that admits the caller: for a file, the permission to export. Raises Forbidden."""
        held = super().authorize(principal, request)
        if self.export is None or not asks_for_file(request):
            return held
        module = self.export.partition(":")[0]
        others = (each for each in self.permissions if each.partition(":")[0] != module)
        admitted = next((each for each in (self.export, *others) if principal.scopes_of(each)), None)
        if admitted is None:
            raise permission_denied(f"This list as a file needs the permission {self.export}.", self.export)
        return admitted

    def check_permissions(self, principal: Principal, request: Request) -> str:
        held = next((permission for permission in self.permissions if principal.scopes_of(permission)), None)
        if held is None:
            raise permission_denied(f"This needs the permission {' or '.join(self.permissions)}.", *self.permissions)
        module = held.partition(":")[0]
        if not self.without_read and not principal.scopes_of(f"{module}:read"):
            detail = f"This needs the permission {module}:read too, because the answer tells what is stored."
            raise permission_denied(detail, f"{module}:read")
        for permission in self.also:
            if not principal.scopes_of(permission):
                raise permission_denied(f"This needs the permission {permission} too.", permission)
        deleting = f"{module}:delete"
        if not principal.scopes_of(deleting) and request.query_params.get("deleted"):
            raise permission_denied(f"Reading what was deleted needs the permission {deleting}.", deleting)
        return held


class RequiresInSomeModule(RequiresPermission):
    """Requires `permission`, or `action` in some module: then the answer tells of those modules only."""

    def __init__(self, permission: str, action: str, *, durable_audit: bool) -> None:
        super().__init__(permission, durable_audit=durable_audit)
        self.action = action

    def check_permissions(self, principal: Principal, request: Request) -> str:
        modules = principal.modules_with(self.action)
        if modules and not principal.may(self.permissions[0]):
            return f"{min(modules)}:{self.action}"
        return super().check_permissions(principal, request)


def asks_for_file(request: Request) -> bool:
    """Whether a list is requested as a file, of whichever format."""
    if "format" in request.query_params:
        return True
    return requested_file_type(request.headers.get("accept", ""), EXPORT_TYPES) is not None


def guard_files(dependencies: Sequence[params.Depends], permission: str) -> list[params.Depends]:
    """The dependencies of a list whose files require `permission`."""
    return [
        Depends(each.dependency.with_export(permission)) if isinstance(each.dependency, RequiresPermission) else each
        for each in dependencies
    ]


def public(*, durable_audit: bool = False, rate_limited: bool = True, leaves_query: bool = False) -> Any:
    """The guard of an endpoint that needs no credentials: see `Guard`."""
    return Depends(Public(durable_audit=durable_audit, rate_limited=rate_limited, leaves_query=leaves_query))


def signed_by_service() -> Any:
    """The guard of an endpoint for signed calls of internal services."""
    return Depends(SignedByService())


def authenticated(
    *,
    session_only: bool = False,
    allow_restricted: bool | Need = False,
    durable_audit: bool = False,
    may_step_up: bool = False,
) -> Any:
    """The guard of an endpoint for every authenticated caller: see `Authenticated`."""
    guard = Authenticated(
        session_only=session_only,
        allow_restricted=allow_restricted,
        durable_audit=durable_audit,
        may_step_up=may_step_up,
    )
    return Depends(guard)


def requires(
    *permissions: str, durable_audit: bool = False, without_read: bool = False, also: Sequence[str] = ()
) -> Any:
    """The guard of an endpoint for callers with one of `permissions` (`module:action`): see `RequiresPermission`."""
    return Depends(RequiresPermission(*permissions, durable_audit=durable_audit, without_read=without_read, also=also))


def requires_in_some_module(permission: str, action: str, *, durable_audit: bool = False) -> Any:
    """The guard of an endpoint that answers for all modules, or for some: see `RequiresInSomeModule`."""
    return Depends(RequiresInSomeModule(permission, action, durable_audit=durable_audit))


def policy_change(*permissions: str, also: Sequence[str] = (), locks_first: bool = True) -> list[Any]:
    """The dependencies of an endpoint that may change who may do what; `dry_run=true` previews the effects.

    `locks_first=False` is for an endpoint that rarely changes policy, and works for long before its first query.
    """
    dependencies = [requires(*permissions, durable_audit=True, also=also), Depends(read_dry_run)]
    return [*dependencies, Depends(lock_policy)] if locks_first else dependencies


def other_account_change(permission: str) -> list[Any]:
    """The dependencies of an endpoint by which a person acts on the account of another user."""
    guard = RequiresPermission(permission, durable_audit=True, session_only=True, may_step_up=True)
    return [Depends(guard), Depends(target_other_account)]
