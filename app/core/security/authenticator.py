"""The interface that the kernel requires of the module that verifies credentials."""

from typing import Protocol
from uuid import UUID

from app.core.context import Principal, RequestContext


class Authenticator(Protocol):
    """Turns a bearer token (an access token or an API key) into its principal."""

    async def authenticate(self, token: str, context: RequestContext) -> Principal:
        """The principal of `token`; also fills `context`. Raises Unauthenticated."""

    async def resume(self, session_id: UUID, context: RequestContext) -> Principal:
        """The principal of a session that allowed this request before; also fills `context`. Raises Unauthenticated."""
