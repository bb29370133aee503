"""Addresses of brokers: of RabbitMQ, and of NATS, which may be a cluster."""

from typing import Literal
from urllib.parse import urlsplit

from pydantic import SecretStr

Broker = Literal["rabbitmq", "nats"]

BROKER_NAME = r"^[a-z][a-z0-9-]{0,39}$"
"""What begins the names of what is made in a broker. Brokers give some other characters a meaning."""
SCHEMES: dict[Broker, tuple[str, ...]] = {"rabbitmq": ("amqp", "amqps"), "nats": ("nats", "tls")}
"""How addresses of a broker begin."""


def split_urls(broker: Broker, url: SecretStr) -> list[str]:
    """The addresses of a broker, of which a cluster of NATS has several."""
    text = url.get_secret_value()
    return text.split(",") if broker == "nats" else [text]


def are_addresses(broker: Broker, url: SecretStr) -> bool:
    """Whether a URL has only addresses that the client of this broker understands."""
    return all(is_address(text, SCHEMES[broker]) for text in split_urls(broker, url))


def is_address(url: str, schemes: tuple[str, ...]) -> bool:
    """Whether a URL has one of these schemes, a host and, if any, a port."""
    try:
        parts = urlsplit(url)
        return parts.scheme in schemes and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
