"""A bucket: the few calls of S3 that archives need, on a port of this host, for signed requests with one access key."""

from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

ACCESS_KEY = "an access key for tests only"
REGION = "eu-central-1"


class Bucket(ThreadingHTTPServer):
    """Stores objects in memory, by their paths."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Calls)
        self.objects: dict[str, bytes] = {}

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to reach it, which has no TLS."""
        return {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": "a secret key for tests only",
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.server_port}",
            "AWS_ALLOW_HTTP": "true",
        }


class Calls(BaseHTTPRequestHandler):
    """Answers PUT and GET of an object."""

    server: Bucket
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if self.is_signed():
            self.server.objects[self.path] = content
            self.answer(200, b"", ETag=tag_of(content))

    def do_GET(self) -> None:
        content = self.server.objects.get(self.path)
        if self.is_signed() and content is None:
            self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        elif content is not None:
            self.answer(200, content, ETag=tag_of(content), Last_Modified=formatdate(usegmt=True))

    def is_signed(self) -> bool:
        """Whether the access key is the right one; else the answer is sent."""
        credential = f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/"
        given = self.headers.get("Authorization", "")
        if given.startswith(credential) and f"/{REGION}/s3/aws4_request" in given:
            return True
        self.answer(403, b"<Error><Code>AccessDenied</Code></Error>")
        return False

    def answer(self, status: int, content: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


def tag_of(content: bytes) -> str:
    return f'"{md5(content, usedforsecurity=False).hexdigest()}"'


@contextmanager
def open_bucket() -> Iterator[Bucket]:
    """A bucket that answers while the block runs."""
    with Bucket() as bucket:
        thread = Thread(target=bucket.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield bucket
        finally:
            bucket.shutdown()
            thread.join()
