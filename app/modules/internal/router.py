"""Internal endpoints: for signed calls only, because their router says so."""

from fastapi import Request

from app.core.context import RequestContext
from app.core.db import context_of
from app.core.errors import Unauthenticated
from app.core.routing import Router
from app.modules.internal.schemas import Introspection, IntrospectionRequest

router = Router(prefix="/internal", audience="internal", about="For signed calls of our own services.")


@router.post("/introspection")
async def introspect_token(request: Request, data: IntrospectionRequest) -> Introspection:
    """Whether an access token or an API key is good, and what its holder may do."""
    asked = context_of(request)
    context = RequestContext(request_id=asked.request_id, ip=data.ip)
    try:
        principal = await request.app.state.gate.admit(data.token.get_secret_value(), context)
    except Unauthenticated:
        return Introspection(active=False)
    if principal.restriction is not None:
        return Introspection(active=False)
    return Introspection(
        active=True,
        user_id=principal.user_id,
        username=principal.username,
        api_key_id=principal.api_key_id,
        permissions=sorted(principal.permissions),
        expires_at=context.credential_expires_at,
        policy_version=context.policy_version,
    )
