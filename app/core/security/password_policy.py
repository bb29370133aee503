"""The password policy (NIST SP 800-63B-4): long enough, not common, and not made of the user's own names."""

import re
from collections.abc import Sequence

from app.core.errors import invalid
from app.core.security.passwords import normalize_password

MIN_LENGTH = 12
MAX_LENGTH = 128
MIN_WORD = 4
MIN_SCORE = 3
"""Of zxcvbn's 0 to 4: 10^8 guesses or more."""
CHECKED_LENGTH = 32
"""Characters that zxcvbn checks: its time grows steeply, and more of them cannot make a password weaker."""
PRODUCT_WORDS = ("attest",)


def check_password(password: str, about: Sequence[str], pointer: str = "/body/password") -> None:
    """Raise Invalid for a weak password, without repeating it. `about` are words that belong to the user."""
    from zxcvbn import zxcvbn  # noqa: PLC0415  # its dictionaries are slow to load, and few requests need them

    text = normalize_password(password)
    if not MIN_LENGTH <= len(text) <= MAX_LENGTH:
        raise invalid(pointer, f"Use {MIN_LENGTH} to {MAX_LENGTH} characters.", "password-length")
    words = [*PRODUCT_WORDS, *(word for part in about for word in re.split(r"[\W_]+", part.casefold()))]
    if any(len(word) >= MIN_WORD and word in text.casefold() for word in words):
        raise invalid(pointer, "This password contains your name or the product's.", "password-personal")
    if zxcvbn(text[:CHECKED_LENGTH], user_inputs=words)["score"] < MIN_SCORE:
        raise invalid(pointer, "This password is among the first that anybody would try.", "password-common")
