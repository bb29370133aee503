"""Endpoints of webhooks."""

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request

from app.core.db.pagination import Page, RowPage
from app.core.http.dependencies import read_only, transactional
from app.core.http.guards import RequiresPermission, requires
from app.core.http.route import IfMatch
from app.core.http.router import Router
from app.core.http.state import context_of, state_of
from app.modules.webhooks.schemas import (
    AskedTest,
    DeliveryQuery,
    DeliveryRead,
    NewWebhook,
    WebhookCreate,
    WebhookQuery,
    WebhookRead,
    WebhookUpdate,
)
from app.modules.webhooks.service import DeliveryService, WebhookService

router = Router(
    "webhooks",
    name="Webhooks",
    group="System",
    icon="webhook",
    sort_order=90,
    about="Events that are sent to addresses of others, as the owner of the webhook may read them.",
)

Webhooks = Annotated[WebhookService, transactional(WebhookService)]
ReadWebhooks = Annotated[WebhookService, read_only(WebhookService)]
ReadDeliveries = Annotated[DeliveryService, read_only(DeliveryService)]
MAX_SEQ = 2**53 - 1
FromSeq = Annotated[int, Query(alias="from", ge=1, le=MAX_SEQ, description="The place of the first event to send.")]


def session_with(permission: str) -> list[Any]:
    """The guard of what decides where data goes: an API key could send more than it may read."""
    return [Depends(RequiresPermission(permission, session_only=True, durable_audit=True))]


READ, UPDATE, DELETE = [requires("webhooks:read")], [requires("webhooks:update")], [requires("webhooks:delete")]


@router.get("", response_model=Page[WebhookRead], dependencies=READ)
async def list_webhooks(webhooks: ReadWebhooks, query: Annotated[WebhookQuery, Query()]) -> RowPage:
    """List webhooks, without their secrets."""
    return await webhooks.page(query)


@router.post("", status_code=HTTPStatus.CREATED, dependencies=session_with("webhooks:create"))
async def create_webhook(request: Request, webhooks: Webhooks, data: WebhookCreate) -> NewWebhook:
    """Create a webhook, which you own. Only this response shows its secret."""
    return await webhooks.open(data, state_of(request).settings.webhooks)


@router.get("/{id}", response_model=WebhookRead, dependencies=READ)
async def get_webhook(webhooks: ReadWebhooks, id: UUID) -> Any:
    """Get a webhook, without its secret."""
    return await webhooks.get(id)


@router.patch("/{id}", response_model=WebhookRead, dependencies=session_with("webhooks:update"))
async def update_webhook(
    request: Request, webhooks: Webhooks, id: UUID, data: WebhookUpdate, if_match: IfMatch = None
) -> Any:
    """Change some fields of your webhook. One of another user can only be turned off."""
    return await webhooks.revise(id, data, if_match, state_of(request).settings.webhooks)


@router.delete("/{id}", status_code=HTTPStatus.NO_CONTENT, dependencies=DELETE)
async def delete_webhook(webhooks: Webhooks, id: UUID, if_match: IfMatch = None) -> None:
    """Delete a webhook, with its attempts to deliver. Events that wait are not sent."""
    await webhooks.delete(id, if_match)


@router.post("/{id}/roll", dependencies=session_with("webhooks:update"))
async def roll_webhook(request: Request, webhooks: Webhooks, id: UUID) -> NewWebhook:
    """Give your webhook a new secret. For some time events are signed with the old one, too."""
    return await webhooks.roll(id, state_of(request).settings.webhooks)


@router.post("/{id}/resume", response_model=WebhookRead, dependencies=UPDATE)
async def resume_webhook(webhooks: Webhooks, id: UUID) -> Any:
    """Let a webhook go on that was paused or turned off, from the first event that was not delivered."""
    return await webhooks.resume(id)


@router.post("/{id}/replay", response_model=WebhookRead, dependencies=UPDATE)
async def replay_webhook(webhooks: Webhooks, id: UUID, first: FromSeq) -> Any:
    """Send events again, from a place in the log. Each has the id that it had."""
    return await webhooks.replay(id, first)


@router.post("/{id}/test", status_code=HTTPStatus.ACCEPTED, dependencies=UPDATE)
async def test_webhook(request: Request, webhooks: Webhooks, id: UUID) -> AskedTest:
    """Send a test to a webhook, paused or not. It is sent once; `deliveries` says what came of it."""
    asked, root = await webhooks.test(id), request.scope.get("root_path", "")
    place = request.app.url_path_for("list_deliveries", id=id)
    context_of(request).headers["Location"] = f"{root}{place}"
    return asked


@router.get("/{id}/deliveries", response_model=Page[DeliveryRead], dependencies=READ)
async def list_deliveries(deliveries: ReadDeliveries, id: UUID, query: Annotated[DeliveryQuery, Query()]) -> RowPage:
    """List the attempts to deliver to a webhook, those of the last days."""
    return await deliveries.page(id, query)
