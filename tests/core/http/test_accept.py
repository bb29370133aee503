"""What a client accepts is read as RFC 9110 says, empty members and ranges included."""

import pytest

from app.core.http.accept import accepts_gzip, requested_file_type
from app.core.http.file_formats import CSV, EXPORT_TYPES, FILE_TYPES, NDJSON, PARQUET
from tests.people import SignedInAs


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", None),
        ("*/*", None),
        ("application/json", None),
        ("text/csv", CSV),
        ("TEXT/CSV", CSV),
        (", ,text/csv,", CSV),
        ("text/*", CSV),
        ("text/html, text/*;q=0.5", CSV),
        ("application/*", None),
        ("application/x-ndjson, */*", NDJSON),
        ("text/csv;header=present;q=0.5, application/x-ndjson;q=0.6", NDJSON),
        ("text/csv, application/json", CSV),
        ("application/json, text/csv", None),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", None),
        ("*/*, text/csv;q=0.1", None),
        ("application/json;q=0, */*", CSV),
        ("text/csv;q=0", None),
        ("text/csv;q=1.5", None),
        ("text/csv;q=x", None),
        ("image/png", None),
        (PARQUET, None),
    ],
)
def test_the_preferred_type_is_found(accept: str, kind: str | None) -> None:
    assert requested_file_type(accept, FILE_TYPES) == kind


def test_a_list_that_writes_its_own_files_has_one_type_more() -> None:
    assert requested_file_type(PARQUET, EXPORT_TYPES) == PARQUET


@pytest.mark.parametrize(
    ("accept_encoding", "allowed"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("x-gzip", True),
        ("br, gzip ; q=0.5", True),
        (",, gzip", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip;q=0.000, *", False),
        ("*;q=0", False),
        ("br", False),
        ("identity", False),
        ("", False),
    ],
)
def test_gzip_only_for_those_who_take_it(accept_encoding: str, allowed: bool) -> None:  # a parameter
    assert accepts_gzip(accept_encoding) is allowed


async def test_several_lines_of_accept_are_one_list(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:read")
    lines = [("Authorization", f"Bearer {person.access_token}"), ("Accept", "image/png"), ("Accept", "text/csv")]

    found = await person.client.get("/tasks", headers=lines)
    default = await person.get("/tasks")

    assert found.headers["content-type"].startswith("text/csv")
    for answer in (found, default):
        assert "Accept" in answer.headers["vary"].replace(" ", "").split(",")
