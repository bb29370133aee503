"""Indexed headers answer as Starlette's do; several lines of one header are one list."""

import pytest
from starlette.datastructures import Headers

from app.core.http.request_headers import IndexedHeaders

RAW = [(b"host", b"attest.test"), (b"accept", b"text/csv, \xe9"), (b"x-empty", b"")]


@pytest.mark.parametrize("name", ["host", "Host", "ACCEPT", "x-empty", "absent", "", "é"])
def test_a_name_finds_what_a_search_finds(name: str) -> None:
    indexed, searched = IndexedHeaders({"headers": RAW}), Headers(raw=RAW)

    assert indexed.get(name) == searched.get(name)
    assert indexed.get(name, "else") == searched.get(name, "else")
    assert (name in indexed) == (name in searched)
    assert indexed.getlist(name) == searched.getlist(name)
    assert indexed == searched


def test_an_absent_header_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="absent"):
        IndexedHeaders({"headers": RAW})["absent"]


def test_several_lines_are_one_list() -> None:
    raw = [(b"accept", b"text/csv"), (b"host", b"attest.test"), (b"accept", b"\xe9"), (b"accept", b"")]

    indexed = IndexedHeaders({"headers": raw})

    assert indexed.get("Accept") == indexed["accept"] == "text/csv, é, "
    assert indexed.getlist("accept") == ["text/csv", "é", ""]
    assert indexed["host"] == "attest.test"
