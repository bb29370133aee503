"""The folder or bucket of an archive."""

from hashlib import sha256
from pathlib import Path
from typing import Self

import obstore
from obstore.store import LocalStore, from_url

PIECE_BYTES = 1024 * 1024


class Folder:
    """A folder of this host, or a bucket (`s3://bucket/path`) that the environment has the credentials of.

    Raises the errors of `obstore`, of which `FILE_ERRORS` are some.
    """

    def __init__(self, place: str) -> None:
        self.place = place if "://" in place else str(Path(place).resolve())
        self.store = from_url(place) if "://" in place else LocalStore(self.place, mkdir=True)

    @classmethod
    def split(cls, address: str) -> tuple[Self, str]:
        """The folder of a file, and its name."""
        place, _, name = (address if "://" in address else str(Path(address).resolve())).rpartition("/")
        return cls(place), name

    async def put(self, path: Path, name: str) -> None:
        """Store a file. It appears as a whole or not at all."""
        await obstore.put_async(self.store, name, path)

    async def get(self, name: str, path: Path) -> str:
        """Fetch a file. Returns its SHA-256."""
        found, digest = await obstore.get_async(self.store, name), sha256()
        with path.open("wb") as file:
            async for piece in found.stream(min_chunk_size=PIECE_BYTES):
                digest.update(piece)
                file.write(piece)
        return digest.hexdigest()

    async def read(self, name: str) -> bytes:
        """The content of a small file."""
        return bytes(await (await obstore.get_async(self.store, name)).bytes_async())
