"""Entity tags: the version of an item, as HTTP shows it.

A tag is strong, so that the compressed body of a version has another one: `"3"` and `"3-gzip"`. Both name the version.
"""

from app.core.db.versions import COMPRESSED


def compressed_tag(tag: str) -> str:
    """The tag of the compressed body, where `tag` is that of the body as it is."""
    return f'{tag[:-1]}{COMPRESSED}"'


def matching_tag(if_none_match: str, etag: str) -> str | None:
    """The tag in an `If-None-Match` list that names `etag`, weakly or not (RFC 9110, 13.1.2); None where none does."""
    own = f'"{etag}"'
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return own if "*" in tags else next((tag for tag in tags if tag in (own, compressed_tag(own))), None)
