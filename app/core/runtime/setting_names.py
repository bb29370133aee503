"""Finds environment variables, and lines of `.env`, that look like settings and are none."""

import os
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache

import structlog
from dotenv import dotenv_values
from pydantic import AliasChoices, BaseModel

from app.core.config import Settings

log = structlog.get_logger(__name__)

LIKENESS = 0.85
"""How like a setting a name must be: `DATABSE_URL` is 0.96 like `DATABASE_URL`, `DATABASE_PORT` of others 0.8."""
DELIMITER = "__"


def report_unknown_settings(file: str | None = ".env") -> None:
    """Log the name, never the value, of each variable that looks like a misspelt setting."""
    for name, meant in unknown_settings([*os.environ, *(dotenv_values(file) if file else {})]).items():
        log.warning("unknown_setting", name=name, did_you_mean=meant)


def unknown_settings(names: Iterable[str]) -> Mapping[str, str]:
    """Those of `names` that are no setting but look like one, each with the setting that it resembles.

    A misspelt name within a group, such as `AUTH__ACESS_TTL`, never comes so far: the group refuses it.
    """
    known = known_settings()
    groups = tuple(f"{setting}{DELIMITER}" for setting in known)
    found: dict[str, str] = {}
    for name in names:
        upper = name.upper()
        if upper in known or upper.startswith(groups):
            continue
        if meant := resembled_setting(upper, known):
            found[name] = meant
    return found


@cache
def known_settings() -> tuple[str, ...]:
    """The names of all settings of the application, in their order."""
    return tuple(sorted(setting_names(Settings)))


@cache
def resembled_setting(name: str, known: tuple[str, ...]) -> str | None:
    """The one of `known` that `name` looks like."""
    return next(iter(get_close_matches(name, known, n=1, cutoff=LIKENESS)), None)


def setting_names(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """The names of all settings, as the environment has them."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from setting_names(field.annotation, f"{prefix}{name.upper()}{DELIMITER}")
        elif isinstance(field.validation_alias, AliasChoices):
            yield from (str(choice).upper() for choice in field.validation_alias.choices)
        else:
            yield f"{prefix}{name.upper()}"
