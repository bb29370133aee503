"""The settings of events that are published to a broker."""

from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator

from app.core.config.brokers import BROKER_NAME, SCHEMES, Broker, are_addresses, split_urls
from app.core.config.groups import EMPTY_AS_NONE, Group


class EventSettings(Group):
    """Events that are published to a broker."""

    broker_url: Annotated[SecretStr | None, EMPTY_AS_NONE] = Field(
        None,
        description="The broker: amqp://user:password@host/vhost, or nats://host, of a cluster with commas. If empty, "
        "no events are published.",
    )
    prefix: str = Field(
        "attest",
        pattern=BROKER_NAME,
        description="Begins the names of what is made in the broker, and the routing keys or subjects of events.",
    )
    follow_seconds: float = Field(
        1.0, ge=0, le=3600, description="How often a process of the API looks for events to publish; 0: never."
    )

    @property
    def broker(self) -> Broker | None:
        """The kind of the broker; None where no events are published."""
        if self.broker_url is None:
            return None
        return next((broker for broker in SCHEMES if are_addresses(broker, self.broker_url)), None)

    @property
    def broker_urls(self) -> list[str]:
        """The addresses of the broker."""
        return [] if self.broker is None or self.broker_url is None else split_urls(self.broker, self.broker_url)

    @property
    def destination(self) -> str:
        """The name under which it is kept how far events are published. Another address of the broker has the same."""
        return f"{self.broker}/{self.prefix}"

    @model_validator(mode="after")
    def check_broker(self) -> Self:
        """The broker has an address by which it is known which one it is. The message does not repeat it."""
        if self.broker_url is not None and self.broker is None:
            raise ValueError(
                "EVENTS__BROKER_URL: write amqp://user:password@host/vhost, or nats://host, of a cluster with commas"
            )
        return self
