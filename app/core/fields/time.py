"""Time fields: instants and days, written as in RFC 3339 only."""

import re
from datetime import MAXYEAR, MINYEAR, date, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator

from app.core.sentences import refusal

INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
NOT_IN_CALENDAR = "The calendar has no such day, or the day no such time."


def parse_instant(value: object) -> object:
    """An instant from RFC 3339 text. Refuses other text; Pydantic would also read seconds since 1970."""
    if not isinstance(value, str):
        return value
    if not INSTANT.fullmatch(value):
        raise refusal("instant-form", "Use an instant as in RFC 3339, such as 2026-01-31T12:00:00Z.")
    try:
        return datetime.fromisoformat(value.upper())
    except ValueError:
        raise refusal("not-in-calendar", NOT_IN_CALENDAR) from None


def parse_day(value: object) -> object:
    """A day from RFC 3339 text. Refuses other text."""
    if not isinstance(value, str):
        return value
    if not DAY.fullmatch(value):
        raise refusal("day-form", "Use a day as in RFC 3339, such as 2026-01-31.")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise refusal("not-in-calendar", NOT_IN_CALENDAR) from None


def check_year(at: datetime) -> datetime:
    """`at`, if it is valid in every time zone and on every database; else it is refused."""
    if not MINYEAR < at.year < MAXYEAR:
        raise refusal("year-range", f"Use a year from {MINYEAR + 1} to {MAXYEAR - 1}.", ge=MINYEAR + 1, le=MAXYEAR - 1)
    return at


Moment = Annotated[AwareDatetime, BeforeValidator(parse_instant), AfterValidator(check_year)]
"""An aware instant."""
Day = Annotated[date, BeforeValidator(parse_day)]
"""A calendar day."""
