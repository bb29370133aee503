"""How the record treats a column's value; declared on the model, deny by default."""

import re
from dataclasses import dataclass
from typing import Literal

Treatment = Literal["plain", "secret", "personal", "omit", "digest"]

LOOKS_SECRET = re.compile(r"password|token|secret|otp|(^|_)keys?(_|$)|hash|digest", re.IGNORECASE)


@dataclass(frozen=True)
class Policy:
    """`plain` as it is · `secret` only that it changed · `personal` encrypted for the person in column `subject` ·
    `omit` never · `digest` length and hash of a long text."""

    treatment: Treatment = "plain"
    subject: str | None = None


PLAIN = Policy("plain")
SECRET = Policy("secret")
OMIT = Policy("omit")
DIGEST = Policy("digest")


def personal(subject: str = "id") -> Policy:
    """Personal data of the person whose id is in column `subject` of the same row."""
    return Policy("personal", subject)
