"""`python -m app serve`: what it accepts from peers that send too much, too slowly, or nothing."""

import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from app.core.clock import now
from app.core.config import Settings
from scripts.servers import PATIENCE_SECONDS, ROOT, Server
from tests.fixtures.servers import environment_of

pytestmark = [pytest.mark.parametrize("backend", ["sqlite"], indirect=True), pytest.mark.timeout(300)]
HEAD = b"GET /healthz HTTP/1.1\r\nHost: attest.test\r\n"


def connect(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_SECONDS)


def is_answered(server: Server) -> bool:
    return httpx.get(f"{server.url}/healthz", timeout=PATIENCE_SECONDS).is_success


def closes(connection: socket.socket) -> bool:
    """Whether the server closes the connection without a response; waits for it."""
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


def test_headers_that_trickle_do_not_extend_their_time(settings: Settings) -> None:
    with Server({**environment_of(settings), "SERVER__HEADER_SECONDS": "1"}).start() as server:
        with connect(server) as connection, suppress(ConnectionError):
            connection.settimeout(0.1)
            connection.sendall(HEAD)
            for _ in range(int(PATIENCE_SECONDS * 10)):
                connection.sendall(b"X-Slow: 1\r\n")
                with suppress(TimeoutError):
                    assert connection.recv(1) == b"", "closed, and not answered"
                    break
            else:
                pytest.fail("the connection was never closed")
        assert is_answered(server)


def test_half_open_connections_end_and_others_are_served(settings: Settings) -> None:
    limits = {"SERVER__HEADER_SECONDS": "1", "SERVER__CONNECTIONS": "16"}
    with Server({**environment_of(settings), **limits}).start() as server, ExitStack() as stack:
        idle = [stack.enter_context(connect(server)) for _ in range(40)]

        assert is_answered(server)
        for connection in idle:
            assert closes(connection)


def test_an_address_with_too_many_connections_loses_them(settings: Settings) -> None:
    limits = {"SERVER__HEADER_SECONDS": "60", "SERVER__ADDRESS_CONNECTIONS": "4"}
    with Server({**environment_of(settings), **limits}).start() as server:
        with ExitStack() as stack:
            idle = [stack.enter_context(connect(server)) for _ in range(40)]
            assert closes(idle[-1]), "it is one of the newest"
        assert is_answered(server)


def test_large_headers_are_cut_off(settings: Settings) -> None:
    with Server(environment_of(settings)).start() as server:
        for flood in (b"X: y\r\n" * 200_000, b"X: " + b"y" * 1_000_000):
            with connect(server) as connection:
                received = b""
                with suppress(ConnectionError):
                    connection.sendall(HEAD + flood)
                with suppress(ConnectionError):
                    received = connection.recv(64)
            assert b" 431 " in received or received == b"", "refused, or the connection was reset"
            assert is_answered(server)


def test_a_port_in_use_is_refused(settings: Settings, server: Server) -> None:
    second = serve(settings, "--port", str(server.port))

    assert second.returncode == 1
    assert f"Refused: cannot listen on 127.0.0.1:{server.port}" in second.stderr


def test_too_few_open_files_stop_the_start(settings: Settings) -> None:
    refused = serve(settings, before=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (512, 512)))

    assert refused.returncode == 1
    assert "Refused: RLIMIT_NOFILE allows 512 open files" in refused.stderr


def serve(
    settings: Settings, *arguments: str, before: Callable[[], None] | None = None
) -> "subprocess.CompletedProcess[str]":
    """The end of `python -m app serve`, which refuses to start."""
    return subprocess.run(
        [sys.executable, "-m", "app", "serve", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment_of(settings)},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
        preexec_fn=before,
    )


def test_workers_end_with_their_parent(settings: Settings) -> None:
    """A killed parent tells them nothing, and they would share the port with the next server."""
    with Server(environment_of(settings), workers=2).start() as server:
        assert server.process is not None
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()

        while True:
            with suppress(httpx.TransportError):
                httpx.get(f"{server.url}/healthz", timeout=PATIENCE_SECONDS)
                continue
            break
    with Server(server.environment, port=server.port).start() as following:
        assert is_answered(following)


@pytest.mark.parametrize(("http2", "offers"), [("false", False), ("true", True)])
def test_tls_speaks_http_1_and_2_where_it_is_wanted(
    settings: Settings, tmp_path: Path, http2: str, *, offers: bool
) -> None:
    certificate, key = self_signed(tmp_path)
    tls = {"SERVER__TLS_CERTIFICATE": str(certificate), "SERVER__TLS_KEY": str(key), "SERVER__HTTP2": http2}
    with Server({**environment_of(settings), **tls}).start() as server:
        answer = httpx.get(f"{server.url}/healthz", verify=server.trust)
        selected = negotiate(server, ["h2", "http/1.1"])

    assert answer.json() == {"status": "ok"}
    assert "strict-transport-security" in answer.headers
    assert (selected == "h2") is offers


def negotiate(server: Server, protocols: list[str]) -> str | None:
    """The protocol that the server chooses in its TLS handshake."""
    context = server.trust
    context.set_alpn_protocols(protocols)
    with connect(server) as plain, context.wrap_socket(plain, server_hostname="127.0.0.1") as wrapped:
        return wrapped.selected_alpn_protocol()


def self_signed(folder: Path) -> tuple[Path, Path]:
    """Files of a certificate for 127.0.0.1 and its key."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "attest.test")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() - timedelta(days=1))
        .not_valid_after(now() + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(private, hashes.SHA256())
    )
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    files[1].write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files
