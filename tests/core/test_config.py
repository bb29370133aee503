"""Settings are complete, frozen, silent about secrets, and strict in production."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr, ValidationError

from app.core.config import AuditSettings, AuthSettings, CorsSettings, DatabaseSettings, Environment, Settings

ROOT = Path(__file__).parents[2]


GOOD = "kP3v-9sXw2_QeRt7uYb4NmZa6LcDf8Gh"


SAFE: dict[str, Any] = {
    "environment": Environment.production,
    "secret_key": SecretStr(GOOD),
    "database_url": SecretStr("postgresql+asyncpg://attest@db/attest"),
    "auth": AuthSettings(signing_key_files=(Path("/run/secrets/signing.pem"),)),
    "audit": AuditSettings(personal_key=(SecretStr(GOOD[::-1]),), secret_digest_key=SecretStr(GOOD[5:] + GOOD[:5])),
}


def settings(**changes: Any) -> Settings:
    return Settings(_env_file=None, **{**SAFE, **changes})


def names(model: type[BaseModel], prefix: str = "") -> list[str]:
    found = []
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found += names(kind, f"{name.upper()}__")
        else:
            alias = field.validation_alias
            found.append(f"{prefix}{name.upper()}" if alias is None else str(getattr(alias, "choices", [alias])[0]))
    return found


def test_the_example_documents_every_setting_and_its_default() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))

    assert sorted(given) == sorted(names(Settings))
    assert all(before.startswith("#") or "=" in before for before in lines if before)
    from_example = Settings(_env_file=ROOT / ".env.example")
    assert from_example == Settings(_env_file=None)


def test_a_safe_production_starts() -> None:
    assert settings().environment is Environment.production


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"secret_key": SecretStr("")}, "SECRET_KEY is required"),
        ({"secret_key": SecretStr("short")}, "SECRET_KEY needs at least 32"),
        ({"secret_key": SecretStr("a" * 40)}, "SECRET_KEY is a well-known"),
        ({"secret_key": SecretStr("changeme-" + GOOD)}, "SECRET_KEY is a well-known"),
        ({"audit": AuditSettings()}, "AUDIT__PERSONAL_KEY is required"),
        ({"audit": AuditSettings()}, "AUDIT__SECRET_DIGEST_KEY is required"),
        ({"audit": AuditSettings(secret_digest_key=SecretStr("short"))}, "AUDIT__SECRET_DIGEST_KEY needs at least 32"),
        ({"audit": AuditSettings(personal_key=(GOOD, "short"))}, "AUDIT__PERSONAL_KEY needs at least 32"),
        ({"auth": AuthSettings()}, "AUTH__SIGNING_KEY_FILES is required"),
        ({"debug": True}, "DEBUG must be off"),
        ({"cors": CorsSettings(origins=("*",))}, "must not contain"),
        ({"database_url": SecretStr("sqlite+aiosqlite:///x.db"), "WEB_CONCURRENCY": 2}, "SQLite serves one worker"),
    ],
)
def test_production_refuses_what_is_unsafe(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint) as refusal:
        settings(**change)

    assert GOOD not in str(refusal.value)


def test_one_sqlite_worker_is_allowed_in_production() -> None:
    assert settings(database_url=SecretStr("sqlite+aiosqlite:///x.db")).is_sqlite


def test_a_pooler_needs_postgresql_and_a_url_past_it() -> None:
    pooler = DatabaseSettings(pooler="transaction")
    with pytest.raises(ValidationError, match="DATABASE__POOLER needs DATABASE__DIRECT_URL"):
        settings(database=pooler)
    with pytest.raises(ValidationError, match="SQLite has no server"):
        settings(database=pooler, database_url=SecretStr("sqlite+aiosqlite:///x.db"))


def test_the_direct_url_replaces_the_pooler() -> None:
    direct = SecretStr("postgresql+asyncpg://owner@db/attest")
    pooled = settings(database=DatabaseSettings(pooler="transaction", direct_url=direct))

    assert pooled.without_pooler.database_url == direct
    assert pooled.without_pooler.database.pooler == "none"
    assert settings().without_pooler == settings()


def test_a_replica_needs_postgresql_and_processes_that_share() -> None:
    replica = DatabaseSettings(replica_url=SecretStr("postgresql+asyncpg://attest@replica/attest"))
    with pytest.raises(ValidationError, match="SQLite has no replicas"):
        settings(database=replica, database_url=SecretStr("sqlite+aiosqlite:///x.db"))
    with pytest.raises(ValidationError, match="more than one worker needs REDIS_URL"):
        settings(database=replica, WEB_CONCURRENCY=2)

    assert settings(database=replica).of_replica.database_url == replica.replica_url


def test_groups_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTH__ACCESS_TTL", "120")
    monkeypatch.setenv("CORS__ORIGINS", '["https://a.example"]')
    found = Settings(_env_file=None)

    assert (found.auth.access_ttl, found.cors.origins) == (120, ("https://a.example",))
    with pytest.raises(ValidationError):
        found.debug = True  # type: ignore[misc]  # that is the point
    with pytest.raises(ValidationError):
        found.auth.access_ttl = 1  # type: ignore[misc]  # that is the point


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("", []),
        ("one key, with a comma", ["one key, with a comma"]),
        ("12345", ["12345"]),
        ('["first", "second"]', ["first", "second"]),
        (' ["only"]', ["only"]),
    ],
)
def test_a_master_key_is_a_text_or_a_list(monkeypatch: pytest.MonkeyPatch, text: str, keys: list[str]) -> None:
    monkeypatch.setenv("AUDIT__PERSONAL_KEY", text)

    found = Settings(_env_file=None).audit.personal_key

    assert [key.get_secret_value() for key in found] == keys


@pytest.mark.parametrize("text", ['["canary", ', '["canary", 1]', '["canary", ""]', '[["canary"]]'])
def test_a_broken_list_of_keys_is_refused_without_its_text(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("AUDIT__PERSONAL_KEY", text)

    with pytest.raises(ValidationError, match=r"audit\.personal_key") as refusal:
        Settings(_env_file=None)

    assert "canary" not in str(refusal.value)


def test_secrets_are_not_shown() -> None:
    found = settings(database_url=SecretStr("postgresql+asyncpg://attest:canary@db/attest"))

    assert GOOD not in repr(found)
    assert "canary" not in repr(found) + str(found) + str(found.model_dump())


def test_an_unsafe_production_does_not_start_and_tells_no_secret() -> None:
    environment = {
        **os.environ,
        "ENVIRONMENT": "production",
        "SECRET_KEY": "canary-but-short",
        "DATABASE_URL": "postgresql+asyncpg://attest:canary@db/attest",
    }

    run = subprocess.run(
        [sys.executable, "-m", "app", "serve"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )

    assert run.returncode != 0
    assert "SECRET_KEY needs at least 32 characters" in run.stderr
    assert "canary" not in run.stderr + run.stdout
