"""The groups of settings, one class each."""

import json
import re
from pathlib import Path
from typing import Annotated, Literal, Self

from limits import parse
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

ACCESS_PATTERN = re.compile(r"(?:\*|[A-Z]+) (?:/|(?:/[^/?#*\s]+)+(?:/\*)?)")
"""There is no pattern for every path: that would switch the access log off."""
APPROVED_CHANGE = r"^(rollback|erasure|grant:(\*|[a-z][a-z0-9-]*:(\*|[a-z][a-z0-9-]*)))$"
EMPTY_AS_NONE = BeforeValidator(lambda value: None if value in ("", SecretStr("")) else value)
"""Reads an empty variable as if it were not set."""


def read_secrets(value: object) -> object:
    """A text as a list: the JSON list that it is, or else itself as the only secret. An empty text is none."""
    if not isinstance(value, str):
        return value
    if not value.lstrip().startswith("["):
        return (value,) if value else ()
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError("neither a secret nor a JSON list of secrets") from None


Secrets = Annotated[tuple[Annotated[SecretStr, Field(min_length=1)], ...], NoDecode, BeforeValidator(read_secrets)]
"""Secrets of which the first is in use, and the others are those before it."""


class Group(BaseModel):
    """The base of groups of settings, which are named `GROUP__SETTING` in the environment."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class AuthSettings(Group):
    """Sign-in, sessions and access tokens."""

    access_ttl: int = Field(900, ge=60, le=86_400, description="Lifetime of an access token, in seconds.")
    session_ttl: int = Field(30 * 86_400, ge=300, description="A session ends this many seconds after sign-in.")
    idle_ttl: int = Field(14 * 86_400, ge=300, description="A session ends when unused for this many seconds.")
    refresh_grace: int = Field(
        10, ge=0, le=60, description="Seconds in which the last used refresh token returns the same response again."
    )
    max_sessions: int = Field(10, ge=1, le=1000, description="Sessions of one user; the least recently used one ends.")
    account_failures: int = Field(5, ge=1, description="Wrong guesses at one account before waiting times begin.")
    address_failures: int = Field(25, ge=1, description="Wrong guesses from one address before waiting times begin.")
    one_time_password_ttl: int = Field(
        259_200, ge=300, description="Seconds in which a password that an administrator set must be changed."
    )
    invitation_ttl: int = Field(604_800, ge=300, description="Seconds in which an invitation can be used.")
    invitation_page: Annotated[str | None, EMPTY_AS_NONE] = Field(
        None,
        pattern=r"^https?://[^\s#]+$",
        description="Page on which invited people choose a password, other than that of the console.",
    )
    step_up_ttl: int = Field(600, ge=30, description="Seconds for which the verification of a second factor is valid.")
    superusers_need_second_factor: bool = Field(False, description="A superuser without one may only enrol one.")
    issuer: str = Field("attest", description="The `iss` claim.")
    audience: str = Field("attest-api", description="The `aud` claim.")
    signing_key_files: tuple[Path, ...] = Field(
        (), description="PEM files of P-256 private keys; the first signs, all verify. Required in production."
    )
    hash_queue: int = Field(32, ge=1, description="Password checks that may wait for the hashing thread.")

    @model_validator(mode="after")
    def tokens_end_before_sessions(self) -> Self:
        """An access token must not outlive the idle time of its session, which is checked at refreshes only."""
        if not self.access_ttl <= self.idle_ttl <= self.session_ttl:
            raise ValueError("AUTH__ACCESS_TTL <= AUTH__IDLE_TTL <= AUTH__SESSION_TTL must hold")
        return self


class RateLimitSettings(Group):
    """Rate limits, written as `limits` reads them: `300/minute`."""

    enabled: bool = Field(True, description="Limit requests by principal (signed in) or address (not).")
    principal: str = Field("1200/minute", description="For one user or API key, as `limits` writes it.")
    address: str = Field("300/minute", description="For one address: public and refused requests.")

    @field_validator("principal", "address")
    @classmethod
    def check_rate(cls, text: str) -> str:
        parse(text)
        return text


class InternalSettings(Group):
    """Signed calls of internal services."""

    keys: dict[str, SecretStr] = Field(
        {}, description="Keys of internal services by key id (JSON); a service has two while one is rotated."
    )
    clock_skew: int = Field(300, ge=1, le=900, description="Seconds by which a signed call may be early or late.")


class DatabaseSettings(Group):
    """The connections to the database, and time limits in it."""

    pooler: Literal["none", "transaction"] = Field(
        "none", description="A pooler between the application and PostgreSQL: none, or one in transaction mode."
    )
    direct_url: Annotated[SecretStr | None, EMPTY_AS_NONE] = Field(
        None, description="The database without the pooler, for LISTEN, migrations and `limits`."
    )
    replica_url: Annotated[SecretStr | None, EMPTY_AS_NONE] = Field(
        None, description="PostgreSQL: a streaming replica for reads that need not be newer than what the caller wrote."
    )
    replica_lag_seconds: float = Field(5.0, gt=0, le=60, description="A replica that is further behind is not asked.")
    readers: int = Field(8, ge=1, description="Connections of a process that read.")
    writers: int = Field(4, ge=1, description="PostgreSQL: connections of a process that write. SQLite has one writer.")
    pool_timeout: float = Field(5.0, gt=0, description="Seconds to wait for a connection before responding with 503.")
    statement_timeout_ms: int = Field(10_000, ge=0, description="PostgreSQL: longest statement.")
    list_seconds: float = Field(8.0, gt=0, description="Longest statement of a list, a count or a summary.")
    lock_timeout_ms: int = Field(3_000, ge=0, description="Longest wait for a lock (SQLite: busy timeout).")
    job_seconds: float = Field(15.0, gt=0, description="Longest unit of work or read outside of a request.")
    silence_seconds: int = Field(
        10, ge=1, le=300, description="PostgreSQL: a connection on which nothing arrives for so long is dropped."
    )


class WitnessSettings(Group):
    """A witness of the audit log."""

    url: str = Field(pattern=r"^https?://", description="Where it serves `add-checkpoint` (C2SP tlog-witness).")
    key: str = Field(min_length=1, description="Its verifier key, `name+id+key`.")


class AuditSettings(Group):
    """The audit log."""

    personal_key: Secrets = Field(
        (),
        description="Master key of personal data in the audit log (32+ characters), or a JSON list of them: the first"
        " wraps, all open. Required in production.",
    )
    address_days: int = Field(
        90, ge=1, description="Days after which addresses and user agents of callers without an account are forgotten."
    )
    secret_digest_key: Annotated[SecretStr | None, EMPTY_AS_NONE] = Field(
        None, description="Keys the digests of secrets in the change log (32+ characters). Required in production."
    )
    writer_key: Secrets = Field(
        (),
        description="Authenticates entries, so that one which the database alone forged is found (32+ characters);"
        " or a JSON list: the first writes, all verify.",
    )
    origin: str = Field(
        "localhost/attest",
        pattern=r"^[^\s+]{1,200}$",
        description="Name of the audit log in checkpoints, unique in the world: a URL without its scheme.",
    )
    sealer: Annotated[Literal["inline", "apart"] | None, EMPTY_AS_NONE] = Field(
        None,
        description="Who seals: the processes of the API (inline), or `python -m app seal` (apart; in production).",
    )
    seal_key_files: tuple[Path, ...] = Field(
        (),
        description="PEM files of Ed25519 private keys: the first signs checkpoints. Required to seal in production.",
    )
    witnesses: tuple[WitnessSettings, ...] = Field(
        (), description='Witnesses that cosign checkpoints: a JSON list of {"url": …, "key": …}.'
    )
    checkpoint_store: Annotated[str | None, EMPTY_AS_NONE] = Field(
        None, description="Folder or bucket (s3://bucket/prefix) to which the sealer copies every checkpoint."
    )
    archive_to: Annotated[str | None, EMPTY_AS_NONE] = Field(
        None, description="Folder or bucket (s3://bucket/path) of archives of the logs; empty: below STATE_DIR."
    )
    tick: float = Field(0.5, ge=0.05, le=60, description="Seconds between two ticks of the sealer.")
    max_lag: float = Field(
        30.0, gt=0, description="Seconds for which an entry may wait to be sealed before /readyz warns."
    )
    ship_interval: float = Field(0.25, gt=0, le=5, description="Seconds between two shipments of access entries.")
    spool_max_bytes: int = Field(
        256 * 1024 * 1024, ge=4096, description="Bytes of access entries that may wait on disk; then requests get 503."
    )
    access_exclude: tuple[str, ...] = Field(
        ("GET /healthz", "GET /readyz", "GET /static/*"),
        description="Requests whose success leaves no access entry: a method (or *) and a path, which may end in /*.",
    )

    @field_validator("access_exclude")
    @classmethod
    def check_patterns(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for text in patterns:
            if not ACCESS_PATTERN.fullmatch(text):
                raise ValueError(f"AUDIT__ACCESS_EXCLUDE: {text[:64]!r} is no pattern such as GET /static/*")
        return patterns


class ApprovalSettings(Group):
    """Changes that wait until a second person approves them."""

    required_for: tuple[Annotated[str, Field(pattern=APPROVED_CHANGE)], ...] = Field(
        (),
        description="Changes that wait: `rollback`, `erasure`, and grants of permissions, such as `grant:audit:read`,"
        " `grant:users:*` or `grant:*` (JSON list).",
    )
    hours: int = Field(72, ge=1, le=8760, description="Hours after which a change that waits can be approved no more.")


class RetentionSettings(Group):
    """For how long rows are kept that nothing needs any more, in days. Change entries are kept for ever."""

    access_days: Annotated[int | None, EMPTY_AS_NONE] = Field(
        400,
        ge=31,
        description="PostgreSQL: access entries, in whole months, which are archived then; empty: kept for ever.",
    )
    login_days: int = Field(365, ge=30, description="Entries of the login log; sign-in looks back for 30 days.")
    session_days: int = Field(90, ge=1, description="Sessions and invitations, after they expired.")
    approval_days: int = Field(365, ge=1, description="Changes that waited for approval, after they expired.")
    job_days: int = Field(90, ge=1, description="Jobs, after they ended.")
    webhook_days: int = Field(30, ge=1, description="Attempts to deliver events to webhooks.")
    spool_days: int = Field(90, ge=7, description="Positions of shipped spool files, after they last moved.")
    checkpoint_days: int = Field(90, ge=30, description="Checkpoints of the audit log; of a thousand, one is kept.")
    policy_days: int = Field(730, ge=30, description="Policy versions to which a rollback can return.")
    policy_versions: int = Field(1000, ge=1, description="The newest policy versions, which are kept at any age.")
    hidden_days: int = Field(365, ge=1, description="Deleted items, which can be restored until then.")


class LimitSettings(Group):
    """Limits of requests."""

    body_bytes: int = Field(1024 * 1024, ge=1024, description="Largest request body.")
    public_body_bytes: int = Field(
        8 * 1024, ge=1024, description="Largest request body of an endpoint that needs no sign-in."
    )
    json_depth: int = Field(20, ge=2, le=100, description="Deepest nesting of a JSON body.")
    url_bytes: int = Field(8192, ge=256, description="Longest path with query.")
    header_bytes: int = Field(16 * 1024, ge=1024, description="Largest headers of a request, together.")
    request_seconds: float = Field(30.0, gt=0, description="Longest time to a response, and between two parts of it.")
    import_bytes: int = Field(256 * 1024 * 1024, ge=1024, description="Largest file of an import.")
    import_later_bytes: int = Field(
        64 * 1024 * 1024, ge=0, description="A larger file is imported by a job, unless the client prefers to wait."
    )
    import_seconds: float = Field(900.0, gt=0, description="Longest time an import may take.")
    require_if_match: bool = Field(False, description="Refuse changes without If-Match (428).")
    idempotency_hours: int = Field(24, ge=1, le=720, description="Hours for which a first response is stored.")


class ServerSettings(Group):
    """Server processes (`python -m app serve`)."""

    connections: int = Field(1024, ge=16, description="Connections that a process serves at a time; more wait.")
    address_connections: int = Field(
        256, ge=1, description="Connections of one address to a process; more are closed. Not for trusted proxies."
    )
    header_seconds: int = Field(
        10, ge=1, le=60, description="Seconds to complete headers, from the accept or the last response."
    )
    stop_seconds: int = Field(25, ge=1, le=30, description="Seconds from SIGTERM until a process is killed.")
    http2: bool = Field(False, description="Offer HTTP/2 over TLS. Its idle connections have no time limit.")
    tls_certificate: Annotated[Path | None, EMPTY_AS_NONE] = Field(
        None, description="PEM file of the certificate chain; turns on TLS."
    )
    tls_key: Annotated[Path | None, EMPTY_AS_NONE] = Field(
        None, description="PEM file of the certificate's private key (PKCS#8)."
    )

    @model_validator(mode="after")
    def check_tls(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("SERVER__TLS_CERTIFICATE and SERVER__TLS_KEY need each other")
        return self


class CorsSettings(Group):
    """Cross-origin requests of browsers."""

    origins: tuple[str, ...] = Field(
        (), description="Allowed browser origins; in development also every origin of this machine."
    )
