"""Places in a log, sorted in little memory: sorted pieces of them are in a temporary file, and merged."""

import os
from array import array
from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import islice
from tempfile import TemporaryFile
from typing import NamedTuple

IN_MEMORY = 100_000
"""Places that are sorted in memory."""
PIECE = 1000
"""Places of each sorted piece that are read at a time."""
PLACE_BYTES = 16


class PlaceOf(NamedTuple):
    """The place of an entry, and its number."""

    seq: int
    id: int


class SortedPlaces:
    """Takes places in any order, and then gives them in rising order. Closing it removes its file."""

    def __init__(self, in_memory: int = IN_MEMORY) -> None:
        self.in_memory = in_memory
        self.waiting: list[PlaceOf] = []
        self.file = TemporaryFile()  # noqa: SIM115  # closed by `close`
        self.pieces: list[tuple[int, int]] = []
        """Where each sorted piece begins and ends in the file."""
        self.merged: Iterator[PlaceOf] | None = None

    def add(self, places: Iterable[PlaceOf]) -> None:
        self.waiting += places
        if len(self.waiting) >= self.in_memory:
            begin = self.file.tell()
            self.file.write(array("q", (number for place in sorted(self.waiting) for number in place)).tobytes())
            self.pieces.append((begin, self.file.tell()))
            self.waiting.clear()

    def take(self, count: int) -> list[PlaceOf]:
        """The next places; none at the end."""
        if self.merged is None:
            self.file.flush()
            self.merged = merge(sorted(self.waiting), *(self.read(*piece) for piece in self.pieces))
        return list(islice(self.merged, count))

    def read(self, begin: int, end: int) -> Iterator[PlaceOf]:
        """The places of a sorted piece."""
        for at in range(begin, end, PIECE * PLACE_BYTES):
            numbers = array("q", os.pread(self.file.fileno(), min(PIECE * PLACE_BYTES, end - at), at))
            yield from map(PlaceOf, numbers[::2], numbers[1::2])

    def close(self) -> None:
        self.file.close()
