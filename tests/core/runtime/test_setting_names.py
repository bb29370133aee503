"""A variable that looks like a setting and is none is named at start, without its value."""

import io
import json
import logging
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.core.config import Environment, Settings
from app.core.runtime import logging as app_logging
from app.core.runtime.setting_names import report_unknown_settings, setting_names, unknown_settings


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("DATABSE_URL", "DATABASE_URL"),
        ("databse_url", "DATABASE_URL"),
        ("SECERT_KEY", "SECRET_KEY"),
        ("ENVIROMENT", "ENVIRONMENT"),
        ("AUTH_ACCESS_TTL", "AUTH__ACCESS_TTL"),
        ("AUHT__ACCESS_TTL", "AUTH__ACCESS_TTL"),
        ("AUDIT__ACCESS_EXCLUDES", "AUDIT__ACCESS_EXCLUDE"),
        ("WEB_CONCURENCY", "WEB_CONCURRENCY"),
        ("TRUSTED_PROXY", "TRUSTED_PROXIES"),
    ],
)
def test_a_misspelt_name_is_found(name: str, meant: str) -> None:
    assert unknown_settings([name]) == {name: meant}


def test_names_of_others_are_left_alone() -> None:
    others = ["PATH", "HOME", "DATABASE_PORT", "REDIS_PORT", "XDG_STATE_DIR", "FLASK_DEBUG", "TEST_DATABASE_URL", "CI"]

    assert unknown_settings([*others, *setting_names(Settings), "auth__issuer", "INTERNAL__KEYS__BILLING"]) == {}


def test_it_is_said_by_name_and_never_by_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: `DATABSE_URL` was ignored in silence, and the default database was used."""
    (tmp_path / ".env").write_text("SECERT_KEY=canary\nREDIS_URL=\n")
    monkeypatch.setenv("DATABSE_URL", "postgresql://attest:canary@db/attest")
    stream = io.StringIO()
    app_logging.configure(Settings.model_construct(environment=Environment.production, debug=False), stream)

    report_unknown_settings(str(tmp_path / ".env"))

    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(line["level"], line["event"], line["name"], line["did_you_mean"]) for line in lines] == [
        ("warning", "unknown_setting", "DATABSE_URL", "DATABASE_URL"),
        ("warning", "unknown_setting", "SECERT_KEY", "SECRET_KEY"),
    ]
    assert "canary" not in stream.getvalue()
    logging.getLogger().handlers = []


@pytest.mark.parametrize("place", ["environment", "file"])
def test_a_misspelt_name_in_a_group_stops_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    file = tmp_path / ".env"
    file.write_text("AUTH__ACESS_TTL=canary\n" if place == "file" else "")
    if place == "environment":
        monkeypatch.setenv("AUTH__ACESS_TTL", "canary")

    with pytest.raises(ValidationError, match=r"auth\.acess_ttl") as refusal:
        Settings(_env_file=file)

    assert "canary" not in str(refusal.value)
