"""The headers of Standard Webhooks: who sent an event, when, and which one it is."""

from collections.abc import Sequence
from datetime import datetime


def sign(event_id: str, at: datetime, body: str, secrets: Sequence[str]) -> dict[str, str]:
    """The headers of an event that is sent at this instant, with a signature by each of `secrets`."""
    from standardwebhooks import Webhook  # noqa: PLC0415  # slow to import, and only workers sign

    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(event_id, at, body) for secret in secrets),
    }
