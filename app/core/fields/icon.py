"""Icons, by the names of one set, Lucide. `lucide.txt` has the names, with the version and the licence of the set."""

from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from app.core.sentences import refusal

NAMES = Path(__file__).with_name("lucide.txt")


@cache
def icon_names() -> frozenset[str]:
    """The names of all icons."""
    return frozenset(line for line in NAMES.read_text().splitlines() if not line.startswith("#"))


def check_icon(name: str) -> str:
    """`name`, if it is that of an icon, or empty. Refuses any other."""
    if name and name not in icon_names():
        similar = get_close_matches(name, sorted(icon_names()), cutoff=0.7)
        raise refusal("unknown-icon", "Use the name of an icon of Lucide (https://lucide.dev/icons).", similar=similar)
    return name


Icon = Annotated[str, Field(max_length=64, pattern=r"^[a-z0-9-]*$"), AfterValidator(check_icon)]
"""The name of an icon of Lucide; empty: none."""
