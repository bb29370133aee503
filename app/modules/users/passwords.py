"""What a password must be (NIST SP 800-63B-4): long, not common, not about the user. Nothing else."""

import re
from collections.abc import Sequence

from zxcvbn import zxcvbn

from app.core.errors import invalid
from app.core.security import normalised

MIN_LENGTH = 12
MAX_LENGTH = 128
MIN_WORD = 4
MIN_SCORE = 3
"""Of zxcvbn's 0 to 4: 10^8 guesses or more."""
JUDGED_LENGTH = 32
"""Characters that zxcvbn looks at: its time grows steeply, and more of them cannot make a password weaker."""
PRODUCT_WORDS = ("attest",)


def judge(password: str, about: Sequence[str], pointer: str = "/body/password") -> None:
    """Raise Invalid, in words that do not repeat the password; `about` are words that belong to the user."""
    text = normalised(password)
    if not MIN_LENGTH <= len(text) <= MAX_LENGTH:
        raise invalid(pointer, f"Use {MIN_LENGTH} to {MAX_LENGTH} characters.", "password-length")
    words = [*PRODUCT_WORDS, *(word for part in about for word in re.split(r"[\W_]+", part.casefold()))]
    if any(len(word) >= MIN_WORD and word in text.casefold() for word in words):
        raise invalid(pointer, "This password contains your name or the product's.", "password-personal")
    if zxcvbn(text[:JUDGED_LENGTH], user_inputs=words)["score"] < MIN_SCORE:
        raise invalid(pointer, "This password is among the first that anybody would try.", "password-common")
