"""Masks secrets and personal data in what is logged: values by name and by shape, paths, and free text of clients.

A shape is a guess: the name of a person in a path looks like any other word.
"""

import re
import unicodedata
from collections.abc import Container
from functools import lru_cache
from urllib.parse import quote, unquote

MASK = "[masked]"
SECRET_NAME = re.compile(r"password|secret|token|authorization|cookie|api_?key|otp", re.IGNORECASE)
CREDENTIAL = re.compile(r"(?i)\b(bearer|basic)\s+\S+|\beyJ[\w-]+\.[\w-]+\.[\w-]+|\b(ak|ev|iv|pr|rt)_[\w-]{20,}")
EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]++(?:@|%(?:25)*40)[\w.-]+")
"""An e-mail address, also percent-encoded; a password before the host in a URL looks the same."""
ASSIGNMENT = re.compile(rf"(?:{SECRET_NAME.pattern})\w*[=:]", re.IGNORECASE)
ASSIGNED = re.compile(rf"{ASSIGNMENT.pattern}\s*\S+", re.IGNORECASE)
UUID_TEXT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
WORD = re.compile(r"[a-z-]{0,32}")
PLAIN_PATH = re.compile(rf"(?:/(?:{UUID_TEXT.pattern}|v[0-9]|[0-9]{{1,6}}|{WORD.pattern}))*+")
"""Most paths, which hold nothing to mask; found fast."""
RUN = re.compile(r"[A-Za-z0-9_=+~-]{20,}")
SHORT_RUN = re.compile(r"[A-Za-z0-9]{16,}")
LETTER_AND_DIGIT = re.compile(r"[A-Za-z][^A-Za-z]*[0-9]|[0-9][^0-9]*[A-Za-z]")
LONG_NUMBER = re.compile(r"\+?[\d().\s-]+")
LONG_NUMBER_DIGITS = 7
MAX_DECODINGS = 4
MAX_PATH = 2048
REMEMBERED = 500


def mask(value: object) -> object:
    """`value` with secrets and e-mail addresses in it masked, nested dicts and lists included."""
    if isinstance(value, str):
        return mask_shapes(value)
    if isinstance(value, dict):
        return {name: MASK if SECRET_NAME.search(str(name)) else mask(item) for name, item in value.items()}
    return [mask(item) for item in value] if isinstance(value, list) else value


def mask_shapes(text: str) -> str:
    """`text` with credentials and e-mail addresses in it masked."""
    text = CREDENTIAL.sub(MASK, text)
    return EMAIL.sub(MASK, text) if "@" in text or "%" in text else text


def mask_text(text: str, length: int) -> str:
    """Free text of a client: shapes are masked, invisible characters escaped, and at most `length` characters kept."""
    shapes = mask_shapes(text[: 4 * length])  # a token is not cut before it is known
    return escape_invisible(ASSIGNED.sub(MASK, shapes))[:length]


def mask_repeated(text: str, length: int) -> str:
    """`mask_text` for what clients send again and again, such as a user agent."""
    return remembered_mask(text[: 4 * length], length)


remembered_mask = lru_cache(REMEMBERED)(mask_text)


def mask_path(path: str, ids: Container[str] = frozenset()) -> str:
    """The decoded `path`, each segment masked that looks secret or personal; invisible characters stay encoded.

    `ids` are parameters that are known to be ids, in lower case and without hyphens; they are kept.
    """
    if PLAIN_PATH.fullmatch(path) and not SECRET_NAME.search(path):
        return path[:MAX_PATH]
    if len(path) > MAX_PATH:
        path = path[:MAX_PATH].rpartition("/")[0] + "/…"
    segments = path.split("/")
    masked = [
        segment if segment.replace("-", "").lower() in ids else mask_segment(segment, before)
        for before, segment in zip(["", *segments], segments, strict=False)
    ]
    return "/".join(masked)[:MAX_PATH]


def mask_segment(segment: str, before: str) -> str:
    """`segment`, or the mask; `before` is the segment in front of it: what follows a secret's name is a secret."""
    text = decode_fully(segment)
    if text is None or looks_sensitive(text) or (SECRET_NAME.search(before) and not WORD.fullmatch(text)):
        return MASK
    return escape_invisible(segment.replace("%", "%25"))


def decode_fully(text: str) -> str | None:
    """`text` without percent-encoding and compatibility forms; None where it was encoded again and again."""
    for _ in range(MAX_DECODINGS):
        decoded = unquote(text)
        if decoded == text:
            return unicodedata.normalize("NFKC", text)
        text = decoded
    return None


def looks_sensitive(segment: str) -> bool:
    """Whether a decoded segment holds an e-mail address, a credential, a telephone number or random characters."""
    if UUID_TEXT.fullmatch(segment):
        return False
    if "@" in segment or CREDENTIAL.search(segment) or ASSIGNMENT.search(segment):
        return True
    if LONG_NUMBER.fullmatch(segment) and sum(map(str.isdigit, segment)) >= LONG_NUMBER_DIGITS:
        return True
    return any(is_mixed(run) for run in RUN.findall(segment)) or any(
        LETTER_AND_DIGIT.search(run) for run in SHORT_RUN.findall(segment)
    )


def is_mixed(run: str) -> bool:
    """Whether `run` has capital letters, small letters and digits, as random text in base64 has."""
    return run != run.lower() and run != run.upper() and any(map(str.isdigit, run))


def escape_invisible(text: str) -> str:
    """`text` with control, bidirectional and other invisible characters percent-encoded."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else quote(c, safe="", errors="surrogatepass") for c in text)
