"""API key endpoints: the caller's own keys, and those of other users."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request

from app.core.db.pagination import Page, RowPage
from app.core.http.dependencies import Caller, read_only, transactional
from app.core.http.guards import authenticated, other_account_change, requires
from app.core.http.router import Router
from app.core.http.state import state_of
from app.modules.api_keys.schemas import (
    AllApiKeysQuery,
    ApiKeyCreate,
    ApiKeyQuery,
    ApiKeyRead,
    NewApiKey,
    OwnedApiKeyRead,
)
from app.modules.api_keys.service import ApiKeyService

router = Router(prefix="", tag="api-keys", about="Keys for machines, with some of their owner's permissions.")

ApiKeys = Annotated[ApiKeyService, transactional(ApiKeyService)]
ReadApiKeys = Annotated[ApiKeyService, read_only(ApiKeyService)]
SESSION_READ = [authenticated(session_only=True)]
SESSION_CHANGE = [authenticated(session_only=True, durable_audit=True)]
VERIFIED_SESSION = [authenticated(session_only=True, durable_audit=True, may_step_up=True)]
ADMINISTRATION = other_account_change("users:update")


@router.get("/auth/api-keys", response_model=Page[ApiKeyRead], dependencies=SESSION_READ)
async def list_my_api_keys(keys: ReadApiKeys, principal: Caller, query: Annotated[ApiKeyQuery, Query()]) -> RowPage:
    """List your API keys. Revoked and expired ones are included."""
    return await keys.page(principal.user_id, query)


@router.post("/auth/api-keys", status_code=HTTPStatus.CREATED, dependencies=VERIFIED_SESSION)
async def create_my_api_key(request: Request, keys: ApiKeys, principal: Caller, data: ApiKeyCreate) -> NewApiKey:
    """Create an API key with some of your permissions. Only this response shows the key."""
    return await keys.create(principal.user_id, data, state_of(request).settings.auth.step_up_ttl)


@router.delete("/auth/api-keys/{id}", status_code=HTTPStatus.NO_CONTENT, dependencies=SESSION_CHANGE)
async def revoke_my_api_key(keys: ApiKeys, principal: Caller, id: UUID) -> None:
    """Revoke one of your API keys."""
    await keys.revoke(principal.user_id, id)


@router.get("/api-keys", response_model=Page[OwnedApiKeyRead], dependencies=[requires("users:read", "audit:read")])
async def list_api_keys(keys: ReadApiKeys, query: Annotated[AllApiKeysQuery, Query()]) -> RowPage:
    """List the API keys of all users. `DELETE /users/{user_id}/api-keys/{id}` revokes one."""
    return await keys.page_of_all(query)


@router.get("/users/{user_id}/api-keys", response_model=Page[ApiKeyRead], dependencies=[requires("users:read")])
async def list_user_api_keys(keys: ReadApiKeys, user_id: UUID, query: Annotated[ApiKeyQuery, Query()]) -> RowPage:
    """List the API keys of a user. Revoked and expired ones are included."""
    return await keys.page(user_id, query)


@router.post("/users/{user_id}/api-keys", status_code=HTTPStatus.CREATED, dependencies=ADMINISTRATION)
async def create_user_api_key(request: Request, keys: ApiKeys, user_id: UUID, data: ApiKeyCreate) -> NewApiKey:
    """Create an API key for a user, usually a service account. The user must not hold a permission that you lack."""
    return await keys.create(user_id, data, state_of(request).settings.auth.step_up_ttl)


@router.delete("/users/{user_id}/api-keys/{id}", status_code=HTTPStatus.NO_CONTENT, dependencies=ADMINISTRATION)
async def revoke_user_api_key(keys: ApiKeys, user_id: UUID, id: UUID) -> None:
    """Revoke an API key of a user."""
    await keys.revoke(user_id, id)
