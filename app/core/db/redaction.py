"""How the audit log stores the values of a column. A model declares it; one that looks secret or personal must."""

import re
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Column
from sqlmodel import Field

Treatment = Literal["plain", "secret", "personal"]

LOOKS_SECRET = re.compile(r"password|token|secret|otp|(^|_)keys?(_|$)|hash|digest", re.IGNORECASE)
LOOKS_PERSONAL = re.compile(
    r"(^|_)(ip|user_?agent|(ip_?)?address(es)?|e?mail|phone|mobile|fax|user_?name|(first|last|full|sur)_?name"
    r"|birth(day|_?date)?|gender|iban)(_|$)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Redaction:
    """Says what a change entry stores of a value.

    `plain`: the value. `secret`: a keyed digest of it. `personal`: the value, encrypted for the person whose id is in
    column `subject`.
    """

    treatment: Treatment = "plain"
    subject: str | None = None


PLAIN = Redaction("plain")
SECRET = Redaction("secret")


def personal(subject: str = "id") -> Redaction:
    """Personal data of the person whose id is in column `subject` of the same row."""
    return Redaction("personal", subject)


def is_personal(column: "Column[Any]") -> bool:
    """Whether the values of a column are declared as personal data."""
    declared: Redaction | None = column.info.get("redaction")
    return declared is not None and declared.treatment == "personal"


def redacted(redaction: Redaction, **options: Any) -> Any:
    """A field whose values the audit log stores as `redaction` says."""
    extra = options.pop("sa_column_kwargs", {})
    extra = {**extra, "info": {**extra.get("info", {}), "redaction": redaction}}
    return Field(sa_column_kwargs=extra, **options)
