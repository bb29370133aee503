"""Chooses the language of a mail."""

from app.modules.mail.rendering.catalogue import LANGUAGES

MOST_LISTED = 20


def choose_language(accepted: str | None) -> str | None:
    """The language of the catalogue that an `Accept-Language` header likes best (RFC 9110, 12.5.4); None where none."""
    liked = [read_preference(part) for part in (accepted or "").split(",")[:MOST_LISTED]]
    known = [(weight, name) for weight, name in liked if weight > 0 and name in LANGUAGES]
    return max(known, key=lambda pair: pair[0])[1] if known else None


def read_preference(part: str) -> tuple[float, str]:
    """Weight and language of one part, such as `de-AT;q=0.8`; the weight is 0 where it cannot be read."""
    name, _, parameter = part.strip().lower().partition(";")
    weight = parameter.strip().removeprefix("q=") or "1"
    is_number = weight.replace(".", "", 1).isascii() and weight.replace(".", "", 1).isdigit()
    return (float(weight) if is_number else 0.0), name.strip().partition("-")[0]
