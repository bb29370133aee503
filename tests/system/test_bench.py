"""The arithmetic of the bench: what it reads from responses, its statistics, and the parts of its profile."""

import asyncio
from contextlib import closing, suppress
from pathlib import Path

import pytest

from scripts.bench.__main__ import PARTS
from scripts.bench.client import NUMBER, Request
from scripts.bench.document import DOCUMENT, write
from scripts.bench.figures import Figures, markdown, median_of, median_ratio, percentile
from scripts.bench.load import complete_status, encode_in_turn, run
from scripts.bench.peer import libpq_variables
from scripts.bench.profile import part_of
from scripts.servers import ROOT
from tests.listening import listening

HEAD = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    ("response", "status"),
    [
        (HEAD + b"Content-Length: 2\r\n\r\n{}", 201),
        (HEAD + b"content-length: 2\r\nserver: x\r\n\r\n{}", 201),
        (HEAD + b"Content-Length: 0\r\n\r\n", 201),
        (HEAD + b"Content-Length: 2\r\n\r\n{", None),
        (HEAD + b"Content-Length: 2\r\n", None),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 201),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", None),
        (b"", None),
    ],
)
def test_a_response_is_complete_when_all_of_it_came(response: bytes, status: int | None) -> None:
    assert complete_status(response) == status


def test_requests_are_sent_in_turn_each_with_a_number_of_its_own() -> None:
    requests = [Request("GET", "/a"), Request("POST", "/b", (), f'{{"sku":"{NUMBER}"}}'.encode())]

    sent = encode_in_turn(requests)
    found = [next(sent) for _ in range(4)]

    assert [data.split(b" ")[1] for data in found] == [b"/a", b"/b", b"/a", b"/b"]
    assert len({found[1], found[3]}) == 2
    assert all(len(data) == len(requests[1].encode()) and NUMBER.encode() not in data for data in found[1::2])


async def test_the_load_counts_each_response_and_fails_on_an_error() -> None:
    statuses = iter([200] * 10_000)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError), closing(writer):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 %d X\r\nContent-Length: 2\r\n\r\n{}" % next(statuses, 500))

    async with listening(answer) as port:
        one = await run(port, [Request("GET", "/")], 2, 0.001)

        assert len(one.latencies) == 10_000 - len(list(statuses))
        with pytest.raises(RuntimeError, match="answered 500"):
            await run(port, [Request("GET", "/")], 2, 30)


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50.0), (0.99, 99.0), (1.0, 100.0), (0.01, 1.0), (0.0, 1.0)])
def test_a_percentile_is_one_of_the_values(share: float, expected: float) -> None:
    assert percentile([float(n) for n in range(100, 0, -1)], share) == expected


def test_a_percentile_of_few_values() -> None:
    assert (percentile([3.0], 0.99), percentile([1.0, 2.0], 0.5), percentile([1.0, 2.0], 0.51)) == (3.0, 1.0, 2.0)
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_ratios_are_compared_within_their_round() -> None:
    assert median_ratio([10, 1, 30], [5, 1, 10]) == 2
    turns = [Figures(rate, rate * 2, 0, 1, 2, 0.5) for rate in (1.0, 5.0, 3.0)]
    assert median_of(turns) == Figures(3.0, 6.0, 0, 1, 2, 0.5)


def test_a_table_is_markdown() -> None:
    assert markdown(["", "get"], [["bare", "1.00"]]) == "|  | get |\n| --- | --- |\n| bare | 1.00 |"


def test_a_table_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    document = tmp_path / "benchmarks.md"
    document.write_text("a\n<!-- bench x -->\n\nold\n\n<!-- end of bench x -->\nb\n")

    write("x", "new \\1", document)

    assert document.read_text() == "a\n<!-- bench x -->\n\nnew \\1\n\n<!-- end of bench x -->\nb\n"
    with pytest.raises(ValueError, match="no place for y"):
        write("y", "new", document)


@pytest.mark.parametrize("part", [*PARTS, "profile"])
def test_the_document_has_a_place_for_each_table(part: str) -> None:
    text = DOCUMENT.read_text()

    assert text.count(f"<!-- bench {part} -->") == text.count(f"<!-- end of bench {part} -->") == 1


@pytest.mark.parametrize(
    ("place", "part"),
    [
        ("/x/site-packages/asyncpg/connection.py", "driver"),
        ("/x/site-packages/sqlalchemy/sql/compiler.py", "SQLAlchemy: building and compiling"),
        (f"{ROOT}/app/core/http/guards.py", "guard"),
        (f"{ROOT}/app/modules/tasks/repository.py", "repositories and sessions"),
        (f"{ROOT}/app/modules/tasks/service.py", "services and schemas"),
        (f"{ROOT}/app/modules/audit/changes/capture.py", "change entry"),
        (f"{ROOT}/app/core/http/new_file.py", "calling: dependencies, transaction, body"),
        ("/usr/lib/python3.11/json/encoder.py", None),
    ],
)
def test_a_frame_belongs_to_a_part(place: str, part: str | None) -> None:
    assert part_of(place) == part


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgresql+asyncpg://a:b@host:5433/x",
            {"PGHOST": "host", "PGPORT": "5433", "PGUSER": "a", "PGPASSWORD": "b", "PGDATABASE": "x"},
        ),
        (
            "postgresql+asyncpg://a:@/x?host=/run/pg",
            {"PGHOST": "/run/pg", "PGUSER": "a", "PGDATABASE": "x"},
        ),
    ],
)
def test_clients_of_postgresql_find_the_database(url: str, expected: dict[str, str]) -> None:
    assert libpq_variables(url) == expected
