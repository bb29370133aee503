"""Time fields: instants and days, written as in RFC 3339 only."""

import re
from datetime import MAXYEAR, MINYEAR, date, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator

INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def parse_instant(value: object) -> object:
    """An instant from RFC 3339 text. Raises ValueError for other text; Pydantic would also read seconds since 1970."""
    if not isinstance(value, str):
        return value
    if not INSTANT.fullmatch(value):
        raise ValueError("use an instant as in RFC 3339, such as 2026-01-31T12:00:00Z")
    return datetime.fromisoformat(value.upper())


def parse_day(value: object) -> object:
    """A day from RFC 3339 text. Raises ValueError for other text."""
    if not isinstance(value, str):
        return value
    if not DAY.fullmatch(value):
        raise ValueError("use a day as in RFC 3339, such as 2026-01-31")
    return date.fromisoformat(value)


def check_year(at: datetime) -> datetime:
    """`at`, if it is valid in every time zone and on every database. Raises ValueError."""
    if not MINYEAR < at.year < MAXYEAR:
        raise ValueError("use a year between 2 and 9998")
    return at


Moment = Annotated[AwareDatetime, BeforeValidator(parse_instant), AfterValidator(check_year)]
"""An aware instant."""
Day = Annotated[date, BeforeValidator(parse_day)]
"""A calendar day."""
