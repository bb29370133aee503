"""Internal endpoints: the router admits signed calls only."""

from fastapi import Request

from app.core.context import RequestContext, in_short
from app.core.errors import Unauthenticated
from app.core.http.router import Router
from app.core.http.state import context_of, state_of
from app.modules.internal.schemas import Introspection, IntrospectionRequest

router = Router(prefix="/internal", audience="internal", about="For signed calls of internal services.")


@router.post("/introspection")
async def introspect_token(request: Request, data: IntrospectionRequest) -> Introspection:
    """Check whether an access token or API key is valid, and what its holder may do."""
    caller = context_of(request)
    context = RequestContext(request_id=caller.request_id, call_id=caller.call_id, ip=data.ip)
    try:
        principal = await state_of(request).authenticator.authenticate(data.token.get_secret_value(), context)
    except Unauthenticated:
        return Introspection(active=False)
    if principal.restriction is not None:
        return Introspection(active=False)
    return Introspection(
        active=True,
        user_id=principal.user_id,
        username=principal.username,
        api_key_id=principal.api_key_id,
        permissions=in_short(principal.permissions),
        expires_at=context.credential_expires_at,
        policy_version=context.policy_version,
    )
