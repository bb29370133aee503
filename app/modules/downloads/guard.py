"""The guard of a one-time address, which is itself the credential."""

from typing import Any

from fastapi import Depends, Request

from app.core.http.guards import RESUMED_SESSION, Public
from app.core.http.state import context_of, state_of
from app.modules.downloads.service import take_address


class OneTimeAddress(Public):
    """Admits a request with an unused address, as the session that asked for it. The list has a guard of its own."""

    async def __call__(self, request: Request) -> str:
        state, context = state_of(request), context_of(request)
        target = await take_address(state.database, context, request.query_params.get("token", ""))
        request.scope[RESUMED_SESSION] = target.session_id
        request.state.list_address = target
        await state.authenticator.resume(target.session_id, context)
        return "download"


def one_time_address() -> Any:
    """The guard of an endpoint that serves one-time addresses."""
    return Depends(OneTimeAddress(durable_audit=True))
