"""A real server on this machine that answers as a test says, byte by byte, and notes what it was sent."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.core.clock import now
from app.core.config import OutgoingSettings
from app.core.context import RequestContext
from app.core.outgoing import Outgoing
from app.core.outgoing.addresses import Resolve, resolve
from tests.listening import listening

CONTEXT = RequestContext(request_id="r-1", trace_id="4bf92f3577b34da6a3ce929d0e0e4736")
Handler = Callable[["Peer", asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Peer:
    """What the server was sent: the heads of requests, and the names that TLS asked for."""

    port: int = 0
    heads: list[bytes] = field(default_factory=list)
    server_names: list[str | None] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"


def reply(status: str, *headers: str, body: bytes = b"") -> bytes:
    """A response."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def in_turn(*replies: bytes) -> Handler:
    """Answer with one after the other, then with the last again and again. An empty one drops the connection."""

    async def handle(peer: Peer, writer: asyncio.StreamWriter) -> None:
        chosen = replies[min(len(peer.heads), len(replies)) - 1]
        if chosen:
            writer.write(chosen)
        else:
            writer.close()

    return handle


@asynccontextmanager
async def serving(handle: Handler, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> AsyncIterator[Peer]:
    """A server that answers every request by `handle`."""
    peer = Peer()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer.connections += 1
        try:
            while not writer.is_closing():
                peer.heads.append(await reader.readuntil(b"\r\n\r\n"))
                await handle(peer, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    if tls is not None:
        tls.sni_callback = lambda _socket, name, _context: peer.server_names.append(name)
    async with listening(serve, host, tls) as peer.port:
        yield peer


@asynccontextmanager
async def calling(
    *,
    find: Resolve = resolve,
    tls: ssl.SSLContext | None = None,
    **settings: object,
) -> AsyncIterator[Outgoing]:
    """The client with these settings."""
    outgoing = Outgoing(OutgoingSettings.model_validate(settings), find=find, tls=tls)
    try:
        yield outgoing
    finally:
        await outgoing.close()


def certificate_for(name: str, folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The TLS of a server that is called `name`, and of a client that trusts it alone."""
    key, subject = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    built = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    built = built.not_valid_before(now() - timedelta(hours=1)).not_valid_after(now() + timedelta(hours=1))
    built = built.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=True)
    built = built.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    path = folder / f"{name}.pem"
    pem = built.sign(key, SHA256()).public_bytes(Encoding.PEM)
    path.write_bytes(pem + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cafile=str(path))
