"""Pages, files and documents that stay the same while the process runs: from memory, compressed once, with a tag."""

import asyncio
import gzip
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.responses import Response

from app.core.http.accept import accepts_gzip
from app.core.http.etag import compressed_tag, matching_tag

TAG_BYTES = 16


@dataclass(frozen=True)
class Asset:
    """A body in both encodings, with its headers. `tag` names the content; each encoding has its own strong one."""

    body: bytes
    compressed: bytes
    tag: str
    headers: Mapping[str, str]

    @classmethod
    def build(cls, body: bytes, media_type: str, **headers: str) -> "Asset":
        """Compress `body`, which takes a moment. `headers` have underscores for hyphens."""
        return cls.from_packed(body, gzip.compress(body, mtime=0), media_type, **headers)

    @classmethod
    def from_packed(cls, body: bytes, compressed: bytes, media_type: str, **headers: str) -> "Asset":
        """The asset of a body that is compressed already."""
        tag = hashlib.sha256(body).hexdigest()[: 2 * TAG_BYTES]
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        always = {"Content-Type": media_type, "ETag": f'"{tag}"', "Vary": "Accept-Encoding"}
        return cls(body, compressed, tag, {**always, **named})

    def to_response(self, request: Headers) -> Response:
        """The response to a request with these headers: 304 where the client has the content already."""
        if known := matching_tag(request.get("if-none-match", ""), self.tag):
            kept = {name: value for name, value in self.headers.items() if name != "Content-Type"}
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={**kept, "ETag": known})
        if accepts_gzip(request.get("accept-encoding", "")):
            other = {"Content-Encoding": "gzip", "ETag": compressed_tag(self.headers["ETag"])}
            return Response(self.compressed, headers={**self.headers, **other})
        return Response(self.body, headers=dict(self.headers))


@dataclass
class AssetStore:
    """The assets of an application, each built at its first request, in a thread."""

    built: dict[str, Asset] = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def get(self, name: str, build: Callable[[], Asset]) -> Asset:
        """The asset `name`; `build` makes it where it is not there yet."""
        if name not in self.built:
            async with self.lock:
                if name not in self.built:
                    self.built[name] = await asyncio.to_thread(build)
        return self.built[name]
