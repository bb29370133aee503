"""Settings, read once from the environment and `.env`; frozen, and strict about unsafe values."""

from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import make_url

MIN_SECRET_LENGTH = 32
MIN_SECRET_CHARACTERS = 10
WELL_KNOWN = ("changeme", "change-me", "change_me", "secret-key", "example", "insecure", "password", "0123456789")


class Environment(StrEnum):
    development = "development"
    test = "test"
    production = "production"


class Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AuthSettings(Group):
    access_ttl: int = Field(900, ge=60, le=86_400, description="Lifetime of an access token, in seconds.")
    session_ttl: int = Field(30 * 86_400, ge=300, description="A session ends this many seconds after sign-in.")
    idle_ttl: int = Field(14 * 86_400, ge=300, description="A session ends when unused for this many seconds.")
    refresh_grace: int = Field(
        10, ge=0, le=60, description="Seconds in which the last used refresh token gives the same answer again."
    )
    issuer: str = Field("attest", description="The `iss` claim.")
    audience: str = Field("attest-api", description="The `aud` claim.")
    signing_key_files: tuple[Path, ...] = Field(
        (), description="PEM files of P-256 private keys; the first signs, all verify. Required in production."
    )
    hash_queue: int = Field(32, ge=1, description="Password checks that may wait for the hashing thread.")


class DatabaseSettings(Group):
    pool_size: int = Field(10, ge=1, description="Connections that a process keeps.")
    pool_timeout: float = Field(5.0, gt=0, description="Seconds to wait for a connection before answering 503.")
    statement_timeout_ms: int = Field(10_000, ge=0, description="PostgreSQL: longest statement.")
    lock_timeout_ms: int = Field(3_000, ge=0, description="Longest wait for a lock (SQLite: busy timeout).")


class AuditSettings(Group):
    personal_key: SecretStr | None = Field(
        None, description="Wraps the keys of personal data in the record (32+ characters). Required in production."
    )
    ship_interval: float = Field(0.25, gt=0, le=5, description="Seconds between two shipments of access rows.")
    spool_max_bytes: int = Field(
        256 * 1024 * 1024, ge=4096, description="Unshipped access rows that may wait on disk; over it requests get 503."
    )


class LimitSettings(Group):
    body_bytes: int = Field(1024 * 1024, ge=1024, description="Largest request body.")
    json_depth: int = Field(20, ge=2, le=100, description="Deepest nesting of a JSON body.")
    url_bytes: int = Field(8192, ge=256, description="Longest path with query.")
    request_seconds: float = Field(30.0, gt=0, description="Longest time a request may take.")


class CorsSettings(Group):
    origins: tuple[str, ...] = Field((), description="Allowed browser origins; none by default.")


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
        SecretStr(""), description="Root of derived keys; made on first start in development, required in production."
    )
    state_dir: Path = Field(Path("var"), description="Development keys and the spool of access rows.")
    debug: bool = Field(False, description="Verbose logs; refused in production.")
    docs_enabled: bool = Field(True, description="Serve /docs, /redoc and /openapi.json.")
    workers: int = Field(
        1,
        ge=1,
        validation_alias=AliasChoices("WEB_CONCURRENCY", "workers"),
        description="Server processes; `serve --workers` sets it.",
    )
    trusted_proxies: tuple[str, ...] = Field(
        (), description="Addresses whose X-Forwarded-For is believed; none by default."
    )
    auth: AuthSettings = AuthSettings()
    database: DatabaseSettings = DatabaseSettings()
    audit: AuditSettings = AuditSettings()
    limits: LimitSettings = LimitSettings()
    cors: CorsSettings = CorsSettings()

    @property
    def is_sqlite(self) -> bool:
        return make_url(self.database_url.get_secret_value()).get_backend_name() == "sqlite"

    @model_validator(mode="after")
    def refuse_unsafe_production(self) -> Self:
        """Say everything that is unsafe at once, without a value of it."""
        if self.environment is not Environment.production:
            return self
        problems = [*weak("SECRET_KEY", self.secret_key), *weak("AUDIT__PERSONAL_KEY", self.audit.personal_key)]
        if not self.auth.signing_key_files:
            problems.append("AUTH__SIGNING_KEY_FILES is required")
        if self.is_sqlite and self.workers > 1:
            problems.append("SQLite serves one worker; use PostgreSQL for more")
        if self.debug:
            problems.append("DEBUG must be off")
        if "*" in self.cors.origins:
            problems.append("CORS__ORIGINS must not contain *")
        if problems:
            raise ValueError("; ".join(problems))
        return self


def weak(name: str, secret: SecretStr | None) -> list[str]:
    """Why a secret is not one, in words that do not repeat it."""
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
