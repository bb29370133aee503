"""The folder or bucket of an archive."""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Self

PIECE_BYTES = 1024 * 1024


class Unreachable(Exception):
    """A file or a folder of an archive cannot be read or written."""


@contextmanager
def explain_errors() -> Iterator[None]:
    """Raise Unreachable for the errors of a store. The packages for stores are loaded where one is used."""
    from obstore.exceptions import BaseError  # noqa: PLC0415

    try:
        yield
    except (BaseError, OSError) as error:
        raise Unreachable(str(error).partition("\n")[0]) from error


class Folder:
    """A folder of this host, or a bucket (`s3://bucket/path`) that the environment has the credentials of.

    Raises Unreachable.
    """

    def __init__(self, place: str) -> None:
        from obstore.store import LocalStore, from_url  # noqa: PLC0415

        self.place = place if "://" in place else str(Path(place).resolve())
        with explain_errors():
            self.store = from_url(place) if "://" in place else LocalStore(self.place, mkdir=True)

    @classmethod
    def split(cls, address: str) -> tuple[Self, str]:
        """The folder of a file, and its name."""
        place, _, name = (address if "://" in address else str(Path(address).resolve())).rpartition("/")
        return cls(place), name

    async def put(self, path: Path, name: str) -> None:
        """Store a file. It appears as a whole or not at all."""
        with explain_errors():
            await self.store.put_async(name, path)

    async def get(self, name: str, path: Path) -> str:
        """Fetch a file. Returns its SHA-256."""
        digest = sha256()
        with explain_errors(), path.open("wb") as file:
            found = await self.store.get_async(name)
            async for piece in found.stream(min_chunk_size=PIECE_BYTES):
                digest.update(piece)
                file.write(piece)
        return digest.hexdigest()

    async def read(self, name: str) -> bytes:
        """The content of a small file."""
        with explain_errors():
            return bytes(await (await self.store.get_async(name)).bytes_async())
