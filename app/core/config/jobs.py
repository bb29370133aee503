"""The settings of jobs, and of the broker that tells workers of them."""

from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator

from app.core.config.brokers import BROKER_NAME, SCHEMES, Broker, are_addresses, split_urls
from app.core.config.groups import EMPTY_AS_NONE, Group

QUEUE_NAME = BROKER_NAME
"""A broker has a queue of this name, too."""


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
        pattern=BROKER_NAME,
        description="Begins the names of what is made in the broker, which several installations can share.",
    )
    scheduler: bool = Field(True, description="Whether schedules ask for jobs: here if embedded, or by `scheduler`.")
    schedules_off: tuple[str, ...] = Field((), description="Schedules that ask for no jobs, by name (JSON list).")

    @property
    def broker(self) -> Broker | None:
        """The broker that tells workers of jobs; None where none does."""
        return self.mode if self.mode in SCHEMES else None

    @property
    def has_broker(self) -> bool:
        """Whether a broker tells workers of jobs."""
        return self.broker is not None

    @property
    def broker_urls(self) -> list[str]:
        """The addresses of the broker."""
        return [] if self.broker is None or self.broker_url is None else split_urls(self.broker, self.broker_url)

    @model_validator(mode="after")
    def check_broker(self) -> Self:
        """A broker has an address that its client understands. The message does not repeat it."""
        if self.broker is None:
            return self
        if self.broker_url is None:
            raise ValueError(f"JOBS__MODE={self.mode} needs JOBS__BROKER_URL")
        if not are_addresses(self.broker, self.broker_url):
            example = f"{SCHEMES[self.broker][0]}://host"
            raise ValueError(f"JOBS__BROKER_URL is no address such as {example}, which {self.mode} needs")
        return self
