"""API key endpoints: one's own, and those of users that one administers."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request

from app.core.db import database_of, provided, reading
from app.core.guard import Caller, account_write, in_person, in_person_synced, requires
from app.core.page import Page, Window
from app.core.routing import Router
from app.modules.api_keys.schemas import ApiKeyCreate, ApiKeyQuery, ApiKeyRead, NewApiKey
from app.modules.api_keys.service import ApiKeyService

router = Router(prefix="", tag="api-keys", about="Keys for machines, with some of their owner's permissions.")

ApiKeys = Annotated[ApiKeyService, provided(ApiKeyService)]
ReadApiKeys = Annotated[ApiKeyService, reading(ApiKeyService)]


@router.get("/auth/api-keys", response_model=Page[ApiKeyRead], dependencies=[in_person])
async def list_my_api_keys(keys: ReadApiKeys, principal: Caller, query: Annotated[ApiKeyQuery, Query()]) -> Window:
    """Your API keys, ended ones too."""
    return await keys.page(principal.user_id, query)


@router.post("/auth/api-keys", status_code=HTTPStatus.CREATED, dependencies=[in_person_synced])
async def create_my_api_key(request: Request, keys: ApiKeys, principal: Caller, data: ApiKeyCreate) -> NewApiKey:
    """Make an API key with some of your permissions; this answer alone shows it."""
    return await keys.create(principal.user_id, data, database_of(request).settings.auth.step_up_ttl)


@router.delete("/auth/api-keys/{id}", status_code=HTTPStatus.NO_CONTENT, dependencies=[in_person_synced])
async def revoke_my_api_key(keys: ApiKeys, principal: Caller, id: UUID) -> None:
    """End one of your API keys."""
    await keys.revoke(principal.user_id, id)


@router.get("/users/{user_id}/api-keys", response_model=Page[ApiKeyRead], dependencies=[requires("users:read")])
async def list_user_api_keys(keys: ReadApiKeys, user_id: UUID, query: Annotated[ApiKeyQuery, Query()]) -> Window:
    """The API keys of a user, ended ones too."""
    return await keys.page(user_id, query)


@router.post("/users/{user_id}/api-keys", status_code=HTTPStatus.CREATED, dependencies=account_write())
async def create_user_api_key(request: Request, keys: ApiKeys, user_id: UUID, data: ApiKeyCreate) -> NewApiKey:
    """Make an API key for a user, a service account above all, who holds nothing that you do not."""
    return await keys.create(user_id, data, database_of(request).settings.auth.step_up_ttl)


@router.delete("/users/{user_id}/api-keys/{id}", status_code=HTTPStatus.NO_CONTENT, dependencies=account_write())
async def revoke_user_api_key(keys: ApiKeys, user_id: UUID, id: UUID) -> None:
    """End an API key of a user."""
    await keys.revoke(user_id, id)
