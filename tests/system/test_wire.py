"""What a client sees on the wire of a real server: HEAD, compressed bodies in both directions, lines of a header."""

import asyncio
import gzip
import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlencode

import pytest

from app.core.config import Settings
from app.core.context import RequestContext
from app.core.db.entity import table_of
from app.main import open_database
from app.modules.audit.models import AuditAccess
from scripts.servers import PATIENCE_SECONDS, Server
from tests.fixtures.servers import superuser_in

pytestmark = pytest.mark.timeout(300)
LONG = json.dumps({"title": "Count the stock", "description": "Every shelf. " * 200}).encode()
FORM, JSON = "application/x-www-form-urlencoded", {"Content-Type": "application/json"}

Answer = tuple[int, dict[str, str], bytes]


class Wire:
    """One connection to a server, kept alive, without any help in reading what comes."""

    def __init__(self, server: Server) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_SECONDS)
        self.token = ""

    def sign_in(self, credentials: dict[str, str]) -> None:
        _, _, body = self.call("POST", "/auth/token", urlencode(credentials).encode(), {"Content-Type": FORM})
        self.token = json.loads(body)["access_token"]

    def call(self, method: str, path: str, body: bytes | None = None, headers: Any = None) -> Answer:
        """Status, headers (lower case) and body, as they were sent. `headers` may have lists of lines."""
        self.connection.putrequest(method, f"/api/v1{path}", skip_accept_encoding=True)
        lines = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        lines |= {"Content-Length": str(len(body))} if body is not None else {}
        for name, value in (lines | (headers or {})).items():
            for line in value if isinstance(value, list) else [value]:
                self.connection.putheader(name, line)
        self.connection.endheaders(body)
        answer = self.connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


@pytest.fixture
def wire(settings: Settings, server: Server) -> Iterator[Wire]:
    wire = Wire(server)
    wire.sign_in(asyncio.run(superuser_in(settings)))
    with closing(wire.connection):
        yield wire


def test_a_head_leaves_the_connection_as_a_get_does(wire: Wire, settings: Settings) -> None:
    """A body behind the head of a HEAD would be read as the next response."""
    _, made, _ = wire.call("POST", "/tasks", LONG, JSON)
    path = made["location"].removeprefix("/api/v1")

    for target in (path, "/tasks", "/nothing", "/audit/key"):
        head_status, head, nothing = wire.call("HEAD", target)
        status, got, body = wire.call("GET", target)
        assert (head_status, nothing) == (status, b"")
        assert {name for name in head if name != "date"} == {name for name in got if name != "date"}, target
        assert int(got["content-length"]) == len(body)
        if status == 200:
            assert head["content-length"] == got["content-length"]
    file_status, file, nothing = wire.call("HEAD", "/tasks", headers={"Accept": "text/csv"})
    assert (file_status, file["content-type"].partition(";")[0], nothing) == (200, "text/csv", b"")
    assert wire.call("GET", path)[0] == 200

    logged = asyncio.run(logged_bytes(settings))
    assert {entry[1] for entry in logged if entry[0] == "HEAD"} == {0}


def test_a_body_is_compressed_for_those_who_ask(wire: Wire, settings: Settings) -> None:
    _, made, plain = wire.call("POST", "/tasks", LONG, JSON)
    path = made["location"].removeprefix("/api/v1")

    _, headers, sent = wire.call("GET", path, headers={"Accept-Encoding": "br, gzip"})
    status, known, nothing = wire.call("GET", path, headers={"If-None-Match": ['"0"', headers["etag"]]})
    changed, _, _ = wire.call("PATCH", path, b'{"title": "y"}', JSON | {"If-Match": ['"0"', headers["etag"]]})

    assert (headers["content-encoding"], headers["etag"]) == ("gzip", '"1-gzip"')
    assert gzip.decompress(sent) == plain
    assert (status, known["etag"], nothing, changed) == (304, '"1-gzip"', b"", 200)
    assert ("GET", len(sent)) in asyncio.run(logged_bytes(settings))


def test_a_file_is_compressed_in_chunks(wire: Wire) -> None:
    for _ in range(3):
        bulk = json.dumps({"create": [{"title": f"Task {number}"} for number in range(500)]}).encode()
        assert wire.call("POST", "/tasks/bulk", bulk, JSON)[0] == 200

    _, _, plain = wire.call("GET", "/tasks", headers={"Accept": "text/csv"})
    _, headers, sent = wire.call(
        "GET", "/tasks", headers={"Accept": ["image/png", "text/csv"], "Accept-Encoding": "gzip"}
    )

    assert headers["content-encoding"] == "gzip"
    assert gzip.decompress(sent) == plain
    assert len(plain.splitlines()) == 1501


def test_a_request_may_be_compressed(wire: Wire) -> None:
    packed = JSON | {"Content-Encoding": "gzip"}

    made, _, _ = wire.call("POST", "/tasks", gzip.compress(LONG), packed)
    bomb, _, _ = wire.call("POST", "/tasks", gzip.compress(bytes(50_000_000)), packed)
    wire.connection.close()
    other, headers, _ = wire.call("POST", "/tasks", LONG, JSON | {"Content-Encoding": "br"})

    assert (made, bomb, other) == (201, 413, 415)
    assert headers["accept-encoding"] == "gzip"


async def logged_bytes(settings: Settings) -> list[tuple[str, int]]:
    """Method and `bytes_out` of all requests that are in the access log so far."""
    database = open_database(settings)
    access = table_of(AuditAccess)
    try:
        for _ in range(int(PATIENCE_SECONDS)):
            rows = await database.read_session(RequestContext()).all(access.select().order_by(access.c.id))
            found = [(str(row.method), int(row.bytes_out)) for row in rows]
            await asyncio.sleep(1)  # the entries of the last requests are still on their way
            if len(await database.read_session(RequestContext()).all(access.select())) == len(found) > 0:
                return found
        raise TimeoutError
    finally:
        await database.dispose()
