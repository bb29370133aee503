"""The audit of dependencies: a vulnerability fails the check, a service that cannot be reached does not."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from scripts.audit_dependencies import KNOWN, Service, main
from scripts.servers import free_port

FOUND = {"id": "PYSEC-2026-1", "summary": "a hole", "affected": [], "aliases": [], "published": "2026-01-01T00:00:00Z"}


class Advisories(ThreadingHTTPServer):
    """An OSV service on this machine that knows `vulnerable`, and may lose its advisories."""

    vulnerable: str | None = None
    status = 200
    query_status = 200

    @property
    def service(self) -> Service:
        url = f"http://127.0.0.1:{self.server_port}/query"
        return Service("OSV", url, ("--vulnerability-service", "osv", "--osv-url", url))


class Handler(BaseHTTPRequestHandler):
    server: Advisories

    def do_GET(self) -> None:  # the name that http.server calls
        self.answer(self.server.status, {"id": KNOWN})

    def do_POST(self) -> None:
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        is_found = query["package"]["name"] == self.server.vulnerable
        self.answer(self.server.query_status, {"vulns": [FOUND]} if is_found else {})

    def answer(self, status: int, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def advisories() -> Iterator[Advisories]:
    server = Advisories(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def requirements(tmp_path: Path) -> Path:
    path = tmp_path / "requirements.txt"
    digest = "0" * 64
    path.write_text(f"orjson==3.11.4 --hash=sha256:{digest}\nanyio==4.16.0 --hash=sha256:{digest}\n")
    return path


def test_nothing_known_is_well(advisories: Advisories, requirements: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(advisories.service, [requirements]) == 0
    assert "knows no vulnerability" in capsys.readouterr().out


def test_a_vulnerability_fails_the_check(
    advisories: Advisories, requirements: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    advisories.vulnerable = "anyio"

    assert main(advisories.service, [requirements]) == 1
    assert "anyio 4.16.0: PYSEC-2026-1" in capsys.readouterr().out


@pytest.mark.parametrize("status", [404, 503])
def test_a_service_without_advisories_is_said_and_passed_over(
    advisories: Advisories, requirements: Path, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    advisories.status, advisories.vulnerable = status, "anyio"

    assert main(advisories.service, [requirements]) == 0
    said = capsys.readouterr().out
    assert "NOT AUDITED" in said
    assert f"OSV: no advisories, status {status}" in said


def test_a_service_that_is_away_is_said_and_passed_over(requirements: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(Service("OSV", f"http://127.0.0.1:{free_port()}/", ()), [requirements]) == 0
    assert "OSV: ConnectError" in capsys.readouterr().out


def test_an_audit_that_fails_is_a_failure(
    advisories: Advisories, requirements: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    advisories.query_status = 500
    assert main(advisories.service, [requirements]) == 1

    requirements.write_text("not a requirement ==\n")
    assert main(advisories.service, [requirements]) == 1
    assert capsys.readouterr().out.count("pip-audit failed") == 2
