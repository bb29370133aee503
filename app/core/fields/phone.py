"""Telephone numbers."""

import re
import unicodedata
from typing import Annotated

from pydantic import BeforeValidator
from pydantic_extra_types.phone_numbers import PhoneNumber

from app.core.sentences import refusal

WRITTEN = re.compile(r"(tel:)?\+[\d\s().\-/\u2010-\u2015\u2212]*", re.IGNORECASE)
"""A number as people write it: `+49 (0)30 90-18.20`."""


class E164(PhoneNumber):
    """A valid telephone number with its country code, in E.164 format."""

    phone_format = "E164"


def refuse_extension(value: object) -> object:
    """`value`, unless it has more than a number with its country code, which would be lost."""
    if isinstance(value, str) and not WRITTEN.fullmatch(unicodedata.normalize("NFKC", value).strip()):
        detail = "Send a number with its country code and nothing else, as in +49 30 901820: no extension."
        raise refusal("not-only-a-number", detail)
    return value


Phone = Annotated[E164, BeforeValidator(refuse_extension)]
"""A telephone number, in E.164 format once it is read."""
