"""The settings of jobs, and of the broker that tells workers of them."""

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator

from app.core.config.groups import EMPTY_AS_NONE, Group

QUEUE_NAME = r"^[a-z][a-z0-9-]{0,39}$"
"""Brokers give some other characters a meaning."""
SCHEMES = {"rabbitmq": ("amqp", "amqps"), "nats": ("nats", "tls")}
"""How addresses of a broker begin, by mode."""


class JobSettings(Group):
    """Jobs: where they run, and for how long."""

    mode: Annotated[Literal["embedded", "table", "rabbitmq", "nats"] | None, EMPTY_AS_NONE] = Field(
        None,
        description="embedded: in the processes of the API; table: in those of `worker`; rabbitmq, nats: there too, "
        "told by a broker. If empty, embedded on SQLite and in development, else table.",
    )
    concurrency: int = Field(10, ge=1, le=1000, description="Jobs that a process runs at once.")
    process_concurrency: int = Field(8, ge=1, le=1000, description="Jobs of its own that a process runs at once.")
    queues: tuple[Annotated[str, Field(pattern=QUEUE_NAME)], ...] = Field(
        ("default",), min_length=1, description="The queues that a process serves."
    )
    lease_seconds: float = Field(30, ge=3, description="A worker that is not heard of for so long has lost its jobs.")
    poll_seconds: float = Field(1, ge=0.05, le=60, description="How often a worker without a job looks for one.")
    sweep_seconds: float = Field(
        10, ge=0.05, le=300, description="With a broker that answers: how often a worker looks for a job all the same."
    )
    drain_seconds: float = Field(25, ge=0, description="At SIGTERM, running jobs have so long before they are undone.")
    broker_url: Annotated[SecretStr | None, EMPTY_AS_NONE] = Field(
        None, description="The broker: amqp://user:password@host/vhost, or nats://host, of a cluster with commas."
    )
    broker_prefix: str = Field(
        "attest",
        pattern=QUEUE_NAME,
        description="Begins the names of what is made in the broker, which several installations can share.",
    )
    scheduler: bool = Field(True, description="Whether schedules ask for jobs: here if embedded, or by `scheduler`.")
    schedules_off: tuple[str, ...] = Field((), description="Schedules that ask for no jobs, by name (JSON list).")

    @property
    def has_broker(self) -> bool:
        """Whether a broker tells workers of jobs."""
        return self.mode in SCHEMES

    @property
    def broker_urls(self) -> list[str]:
        """The addresses of the broker."""
        url = self.broker_url.get_secret_value() if self.broker_url else ""
        return url.split(",") if self.mode == "nats" else [url]

    @model_validator(mode="after")
    def check_broker(self) -> Self:
        """A broker has an address that its client understands. The message does not repeat it."""
        schemes = SCHEMES.get(self.mode or "")
        if schemes is None:
            return self
        if self.broker_url is None:
            raise ValueError(f"JOBS__MODE={self.mode} needs JOBS__BROKER_URL")
        if not all(is_address(url, schemes) for url in self.broker_urls):
            raise ValueError(f"JOBS__BROKER_URL is no address such as {schemes[0]}://host, which {self.mode} needs")
        return self


def is_address(url: str, schemes: tuple[str, ...]) -> bool:
    """Whether a URL has one of these schemes, a host and, if any, a port."""
    try:
        parts = urlsplit(url)
        return parts.scheme in schemes and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
