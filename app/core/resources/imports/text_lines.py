"""The lines of an uploaded text: UTF-8, or UTF-16 with its byte order mark; ended by LF, CRLF or CR."""

import codecs
import io
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import IO

from app.core.errors import Malformed

MAX_ROW_CHARACTERS = 1024 * 1024
Line = tuple[int, str]
"""(number, from 1; text, with its end)"""

UTF_8, UTF_16_LE, UTF_16_BE = "utf-8", "utf-16-le", "utf-16-be"
MARKS = ((codecs.BOM_UTF8, UTF_8), (codecs.BOM_UTF16_LE, UTF_16_LE), (codecs.BOM_UTF16_BE, UTF_16_BE))
UNDECODED = re.compile("[\ud800-\udfff]")
"""What stands for bytes that are no text."""


def numbered_lines(file: IO[bytes]) -> Iterator[Line]:
    """The lines of `file`. Raises Malformed for a line that is too long or no text, once the lines before are read."""
    encoding, start = find_encoding(file)
    file.seek(start)
    # an invalid byte fails its own line, not those that happen to be read together with it
    errors = "surrogateescape" if encoding == UTF_8 else "surrogatepass"
    text = io.TextIOWrapper(file, encoding, errors, newline="")
    try:
        yield from checked_lines(text, encoding)
    finally:
        with suppress(ValueError):  # the upload may have ended before its reader
            text.detach()


def checked_lines(text: io.TextIOWrapper, encoding: str) -> Iterator[Line]:
    number = 0
    while line := read_line(text, number + 1, encoding):
        number += 1
        if len(line) > MAX_ROW_CHARACTERS:
            raise Malformed(f"Line {number} is longer than {MAX_ROW_CHARACTERS} characters.")
        if UNDECODED.search(line):
            raise not_text(number, encoding)
        yield number, line


def read_line(text: io.TextIOWrapper, number: int, encoding: str) -> str:
    try:
        return text.readline(MAX_ROW_CHARACTERS + 1)
    except UnicodeDecodeError as error:
        raise not_text(number, encoding) from error


def not_text(number: int, encoding: str) -> Malformed:
    if encoding == UTF_8:
        return Malformed(f"Line {number} is not UTF-8. Save the file as UTF-8 (in Excel: CSV UTF-8) and send it again.")
    return Malformed(f"Line {number} is not UTF-16, of which the file has the byte order mark.")


def find_encoding(file: IO[bytes]) -> tuple[str, int]:
    """(the encoding that the byte order mark says, or UTF-8; the length of the mark)."""
    file.seek(0)
    beginning = file.read(len(codecs.BOM_UTF8))
    return next(((name, len(mark)) for mark, name in MARKS if beginning.startswith(mark)), (UTF_8, 0))
