"""Entity tags: the version of an item, as HTTP shows it."""


def etag_of(item: object) -> str | None:
    """The version of `item`, followed by those of the items that it embeds, because a change of theirs changes it."""
    version = getattr(item, "version", None)
    embedded = getattr(item, "embedded_versions", ())
    return None if version is None else ".".join(str(number) for number in (version, *embedded))


def matches_etag(if_none_match: str, etag: str) -> bool:
    """Whether an `If-None-Match` list names `etag`, weakly or not (RFC 9110, 13.1.2)."""
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in tags or f'"{etag}"' in tags
