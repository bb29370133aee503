"""Optimistic locking: whether a condition of the client names the current version."""


def allows_version(if_match: str, version: int) -> bool:
    """Whether an `If-Match` list names `version`; a weak tag never does (RFC 9110, 13.1.1)."""
    tags = [tag.strip() for tag in if_match.split(",")]
    return "*" in tags or str(version) in [tag.strip('"').partition(".")[0] for tag in tags if tag.startswith('"')]
