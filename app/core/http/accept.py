"""What a client accepts: the media type and the content coding of a response."""

import re
from collections.abc import Mapping

JSON, EVERYTHING = "application/json", "*/*"
WEIGHT = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")


def read_weights(header: str) -> dict[str, float]:
    """The members of a list such as `Accept`, in lower case and in their order, with their weights (RFC 9110, 12.4).

    A weight that is no weight is 0. Empty members, which a sender may write, are none.
    """
    weights: dict[str, float] = {}
    for member in header.lower().split(","):
        name, *options = (piece.strip() for piece in member.split(";"))
        if name:
            weight = next((option[2:] for option in options if option.startswith("q=")), "1")
            weights.setdefault(name, float(weight) if WEIGHT.fullmatch(weight) else 0.0)
    return weights


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether an `Accept-Encoding` list allows gzip (RFC 9110, 12.5.3)."""
    weights = read_weights(accept_encoding)
    return next((weights[name] for name in ("gzip", "x-gzip", "*") if name in weights), 0.0) > 0


def requested_file_type(accept: str, known: Mapping[str, str]) -> str | None:
    """The file type that `Accept` prefers, if it is known; None for JSON, and where nothing fits (RFC 9110, 12.5.1).

    Of types with the same weight it is the one whose range comes first, and JSON before files of the same range.
    """
    if accept in ("", EVERYTHING, JSON):
        return None
    weights = read_weights(accept)
    ranges = list(weights)
    best, rank = None, (0.0, 0)
    for kind in (JSON, *known):
        names = (kind, f"{kind.partition('/')[0]}/*", EVERYTHING)
        found = next((name for name in names if name in weights), None)
        if found and weights[found] > 0 and (weights[found], -ranges.index(found)) > rank:
            best, rank = kind, (weights[found], -ranges.index(found))
    return best if best in known else None
