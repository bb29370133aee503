"""The settings of a process; production refuses unsafe ones."""

import re
from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AliasChoices, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import make_url

from app.core.config.events import EventSettings
from app.core.config.groups import (
    EMPTY_AS_NONE,
    ApprovalSettings,
    AuditSettings,
    AuthSettings,
    CorsSettings,
    DatabaseSettings,
    InternalSettings,
    LimitSettings,
    RateLimitSettings,
    RetentionSettings,
    ServerSettings,
)
from app.core.config.jobs import JobSettings
from app.core.config.outside import MailSettings, OutgoingSettings, WebhookSettings

MIN_SECRET_LENGTH = 32
MIN_SECRET_CHARACTERS = 10
ROOT_PATH = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)*")
WELL_KNOWN = ("changeme", "change-me", "change_me", "secret-key", "example", "insecure", "password", "0123456789")


class Environment(StrEnum):
    """Where the application runs. Production refuses unsafe settings."""

    development = "development"
    test = "test"
    production = "production"


class Settings(BaseSettings):
    """Every setting; `.env.example` documents each by its environment name."""

    model_config = SettingsConfigDict(
        env_file=".env", env_nested_delimiter="__", frozen=True, extra="ignore", hide_input_in_errors=True
    )

    environment: Environment = Field(Environment.development, description="development, test or production.")
    database_url: SecretStr = Field(
        SecretStr("sqlite+aiosqlite:///var/attest.db"), description="SQLAlchemy URL; name the async driver."
    )
    secret_key: SecretStr = Field(
        SecretStr(""),
        description="Root of derived keys; development generates one, production requires it.",
    )
    state_dir: Path = Field(Path("var"), description="Development keys and the spool of access entries.")
    debug: bool = Field(False, description="Verbose logs; refused in production.")
    docs_enabled: Annotated[bool | None, EMPTY_AS_NONE] = Field(
        None, description="Serve documents; if empty, everywhere but in production."
    )
    root_path: str = Field(
        "", description="Path at which a proxy serves the application, such as /attest; `serve --root-path` sets it."
    )
    workers: int = Field(
        1,
        ge=1,
        validation_alias=AliasChoices("WEB_CONCURRENCY", "workers"),
        description="Server processes; `serve --workers` sets it.",
    )
    trusted_proxies: tuple[str, ...] = Field(
        (), description="Addresses and networks whose forwarding headers are believed; none by default."
    )
    forwarded_header: Literal["x-forwarded-for", "forwarded"] = Field(
        "x-forwarded-for", description="The header that trusted proxies write. The other one is the client's own word."
    )
    redis_url: Annotated[SecretStr | None, EMPTY_AS_NONE] = Field(
        None, description="Redis for what processes share: rate limits and the nonces of signed calls."
    )
    auth: AuthSettings = AuthSettings()
    rate_limit: RateLimitSettings = RateLimitSettings()
    internal: InternalSettings = InternalSettings()
    database: DatabaseSettings = DatabaseSettings()
    audit: AuditSettings = AuditSettings()
    approvals: ApprovalSettings = ApprovalSettings()
    jobs: JobSettings = JobSettings()
    outgoing: OutgoingSettings = OutgoingSettings()
    mail: MailSettings = MailSettings()
    webhooks: WebhookSettings = WebhookSettings()
    events: EventSettings = EventSettings()
    retention: RetentionSettings = RetentionSettings()
    limits: LimitSettings = LimitSettings()
    cors: CorsSettings = CorsSettings()
    server: ServerSettings = ServerSettings()

    @field_validator("root_path")
    @classmethod
    def check_root_path(cls, path: str) -> str:
        if not ROOT_PATH.fullmatch(path):
            raise ValueError("ROOT_PATH: write a path without a slash at its end, such as /attest")
        return path

    @field_validator("trusted_proxies")
    @classmethod
    def check_networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for text in networks:
            try:
                ip_network(text)
            except ValueError:
                raise ValueError(f"TRUSTED_PROXIES: {text[:64]!r} is neither an address nor a network") from None
        return networks

    @property
    def serves_docs(self) -> bool:
        """Whether documents and their pages are served."""
        default = self.environment is not Environment.production
        return default if self.docs_enabled is None else self.docs_enabled

    @property
    def seals_inline(self) -> bool:
        """Whether the processes of the API seal the audit log."""
        default = "apart" if self.environment is Environment.production else "inline"
        return (self.audit.sealer or default) == "inline"

    @property
    def is_sqlite(self) -> bool:
        return make_url(self.database_url.get_secret_value()).get_backend_name() == "sqlite"

    @property
    def without_pooler(self) -> Self:
        """These settings with a direct connection to the database, for what needs a session of its own."""
        if self.database.direct_url is None:
            return self
        database = self.database.model_copy(update={"pooler": "none"})
        return self.model_copy(update={"database_url": self.database.direct_url, "database": database})

    @property
    def of_replica(self) -> Self:
        """These settings with the replica as the database."""
        database = self.database.model_copy(update={"pooler": "none"})
        return self.model_copy(update={"database_url": self.database.replica_url, "database": database})

    @model_validator(mode="after")
    def check_replica(self) -> Self:
        """Positions in the WAL must be known to every process that reads."""
        if self.database.replica_url is None:
            return self
        if self.is_sqlite:
            raise ValueError("DATABASE__REPLICA_URL is for PostgreSQL; SQLite has no replicas")
        if self.workers > 1 and self.redis_url is None:
            raise ValueError("DATABASE__REPLICA_URL with more than one worker needs REDIS_URL")
        return self

    @model_validator(mode="after")
    def check_pooler(self) -> Self:
        if self.database.pooler == "none":
            return self
        if self.is_sqlite:
            raise ValueError("DATABASE__POOLER is for PostgreSQL; SQLite has no server")
        if self.database.direct_url is None:
            raise ValueError("DATABASE__POOLER needs DATABASE__DIRECT_URL, a URL that leads past the pooler")
        return self

    @model_validator(mode="after")
    def refuse_unsafe_production(self) -> Self:
        """Raise one error that names every unsafe setting, without its value."""
        if self.environment is not Environment.production:
            return self
        problems = [text for name, secret in secrets_of(self) for text in secret_problems(name, secret)]
        if not self.auth.signing_key_files:
            problems.append("AUTH__SIGNING_KEY_FILES is required")
        if self.is_sqlite and self.workers > 1:
            problems.append("SQLite serves one worker; use PostgreSQL for more")
        if self.internal.keys and self.workers > 1 and self.redis_url is None:
            problems.append("INTERNAL__KEYS with more than one worker needs REDIS_URL to remember nonces")
        if self.debug:
            problems.append("DEBUG must be off")
        if self.webhooks.allow_http:
            problems.append("WEBHOOKS__ALLOW_HTTP must be off")
        if "*" in self.cors.origins:
            problems.append("CORS__ORIGINS must not contain *")
        if problems:
            raise ValueError("; ".join(problems))
        return self


def secrets_of(settings: Settings) -> Iterator[tuple[str, SecretStr | None]]:
    """Every secret that production needs, or checks where there is one, by its name."""
    yield "SECRET_KEY", settings.secret_key
    for master in settings.audit.personal_key or [None]:
        yield "AUDIT__PERSONAL_KEY", master
    yield "AUDIT__SECRET_DIGEST_KEY", settings.audit.secret_digest_key
    for writer in settings.audit.writer_key:
        yield "AUDIT__WRITER_KEY", writer
    for name, key in settings.internal.keys.items():
        yield f"INTERNAL__KEYS[{name}]", key


def secret_problems(name: str, secret: SecretStr | None) -> list[str]:
    """The reasons to reject a secret, without repeating its value."""
    value = secret.get_secret_value() if secret else ""
    if not value:
        return [f"{name} is required"]
    if len(value) < MIN_SECRET_LENGTH:
        return [f"{name} needs at least {MIN_SECRET_LENGTH} characters"]
    if len(set(value)) < MIN_SECRET_CHARACTERS or any(word in value.lower() for word in WELL_KNOWN):
        return [f"{name} is a well-known or repetitive value"]
    return []


@cache
def settings() -> Settings:
    """The settings of this process."""
    return Settings()
