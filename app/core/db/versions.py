"""Optimistic locking: entity tags, and whether a condition of the client names the current version."""

from collections.abc import Iterator

from app.core.errors import Problem, StaleVersion
from app.core.field_errors import field_error

COMPRESSED = "-gzip"
"""The end of the tag of a compressed body."""


class VersionMatches(Problem):
    """The version that `If-None-Match` of a change excludes is the current one (RFC 9110, 13.1.2)."""

    status = StaleVersion.status
    code = "version-matches"
    remedy = "Nothing was changed. Send the request without `If-None-Match` to change this version."
    pointer = "/header/If-None-Match"
    example = field_error("/header/If-None-Match", "This is at version 3 now.", "version-matches", version=3)


def etag_of(item: object) -> str | None:
    """The version of `item`, followed by those of the items that it embeds, because a change of theirs changes it."""
    version = getattr(item, "version", None)
    embedded = getattr(item, "embedded_versions", ())
    return None if version is None else ".".join(str(number) for number in (version, *embedded))


def unmet_condition(version: int, if_match: str | None, if_none_match: str | None) -> Problem | None:
    """The problem of a condition of a change that what is at `version` does not meet; None where it meets both."""
    if if_match is not None and not allows_version(if_match, version):
        return StaleVersion(stale_detail(if_match, version), params={"version": version})
    if if_none_match is not None and refuses_version(if_none_match, version):
        detail = f"This is at version {version} now, which If-None-Match excludes."
        return VersionMatches(detail, params={"version": version})
    return None


def add_etag(problem: Problem, item: object) -> Problem:
    """`problem`, whose response has the entity tag of `item`, as a read returns it."""
    problem.extra_headers["ETag"] = f'"{etag_of(item)}"'
    return problem


def allows_version(if_match: str, version: int) -> bool:
    """Whether an `If-Match` list names `version`; a weak tag never does (RFC 9110, 13.1.1)."""
    return names_version((tag for tag in split_tags(if_match) if not tag.startswith("W/")), version)


def refuses_version(if_none_match: str, version: int) -> bool:
    """Whether an `If-None-Match` list names `version`, weakly or not."""
    return names_version((tag.removeprefix("W/") for tag in split_tags(if_none_match)), version)


def names_version(tags: Iterator[str], version: int) -> bool:
    """Whether one of `tags` is that of `version`, or `*`. Versions of embedded items, behind a dot, do not count."""
    names = ("*", f'"{version}"', f'"{version}{COMPRESSED}"')
    return any(tag in names or tag.startswith(f'"{version}.') for tag in tags)


def split_tags(header: str) -> Iterator[str]:
    return (tag.strip() for tag in header.split(","))


def stale_detail(if_match: str, version: int) -> str:
    """Why `if_match` does not allow a change of what is at `version`."""
    if any(tag.startswith("W/") for tag in split_tags(if_match)):
        return f"If-Match never matches a weak tag (W/): send the tag without W/. This is at version {version} now."
    return f"This is at version {version} now; read it again before changing it."
