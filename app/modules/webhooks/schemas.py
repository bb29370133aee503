"""Request and response schemas of webhooks."""

from datetime import datetime
from typing import Annotated, ClassVar
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, Field

from app.core.db.pagination import FieldsQuery, PageQuery
from app.core.fields.text import Name, Slug
from app.core.resources.schemas import Patch, Read, ResponseSchema, Schema, example
from app.core.sentences import refusal
from app.modules.webhooks.models import Webhook, WebhookAttempt

URL = r"^https?://[!-~]+$"
EVENT = r"^(\*|[a-z][a-z0-9_]{0,63}\.(\*|created|updated|deleted|restored))$"


def check_url(url: str) -> str:
    """Refuse a URL without a host, with a password, or with a fragment."""
    try:
        parts = urlsplit(url)
        is_usable = bool(parts.hostname) and parts.username is None and parts.port != 0 and not parts.fragment
    except ValueError:
        is_usable = False
    if not is_usable:
        raise refusal("not-a-webhook-url", "Write a URL with a host, without a user, a password and a fragment.")
    return url


WebhookUrl = Annotated[str, Field(max_length=2000, pattern=URL), AfterValidator(check_url)]
EventType = Annotated[str, Field(max_length=80, pattern=EVENT)]


class WebhookCreate(Schema):
    """A new webhook."""

    model_config = example(name="Shop", url="https://shop.example/hooks", event_types=["product.*"])

    name: Name
    """What it is for."""
    url: WebhookUrl
    """Where events are sent, by https."""
    event_types: list[EventType] = Field(min_length=1, max_length=50)
    """The events that are sent: `task.created`, `task.*` for all of a kind of items, or `*`."""
    module: Slug | None = None
    """Only events of this module."""
    item_id: UUID | None = None
    """Only events of this item."""
    enabled: bool = True
    """Whether events are sent."""


class WebhookUpdate(Patch, WebhookCreate):
    """A change of a webhook."""


class WebhookRead(Read):
    """A webhook, without its secret. Who created it is its owner: it is sent what the owner may read."""

    name: str
    """What it is for."""
    url: str
    """Where events are sent."""
    event_types: list[str]
    """The events that are sent."""
    module: str | None
    """Only events of this module."""
    item_id: UUID | None
    """Only events of this item."""
    enabled: bool
    """Whether events are sent."""
    paused_at: datetime | None
    """Since when nothing is sent because of `pause_reason`; null while it is not paused."""
    pause_reason: str | None
    """Why it was paused, or turned off by its receiver."""
    rolled_until: datetime | None
    """Until when the secret before the present one signs, too."""
    seq: int
    """The last place in the log that was looked at."""
    failed_from: int | None
    """The first place whose event was not delivered; null where there is none."""


class NewWebhook(WebhookRead):
    """A webhook with its new secret. No other response shows it."""

    secret: str
    """The secret with which events are signed: `whsec_…`."""


class WebhookQuery(FieldsQuery, PageQuery):
    """The parameters of a list of webhooks."""

    lists: ClassVar = Webhook
    filterable: ClassVar[tuple[str, ...]] = ("created_by_id",)


class DeliveryRead(ResponseSchema):
    """An attempt to deliver an event."""

    id: UUID
    """The identifier of the attempt."""
    event_id: str
    """The event, as `webhook-id` names it: the same in each attempt."""
    event_type: str
    """What happened."""
    seq: int | None
    """The place of the event in the log; null for a test."""
    number: int
    """The number of the attempt, from 1."""
    at: datetime
    """When it was made."""
    status: int | None
    """The status of the answer; null where there was none."""
    duration_ms: int
    """How long it took, in milliseconds."""
    error: str | None
    """Why it failed; null where it was accepted."""


class DeliveryQuery(FieldsQuery, PageQuery):
    """The parameters of a list of attempts to deliver."""

    lists: ClassVar = WebhookAttempt
    sortable: ClassVar[tuple[str, ...]] = ("at",)
    default_sort: ClassVar[str] = "-at"


class AskedTest(ResponseSchema):
    """A test that will be delivered."""

    event_id: str
    """The event, as `webhook-id` names it and the attempts to deliver it."""
    job_id: UUID
    """The job that delivers it."""
