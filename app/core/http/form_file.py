"""A file in a form (multipart/form-data, RFC 7578), written where it belongs while it comes in."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn, TypeVar

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from app.core.errors import Malformed, invalid

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

T = TypeVar("T")
FORM, FIELD = "multipart/form-data", "file"


class FormFile:
    """Gives the content of the field `file` to `write`. The form may have nothing else."""

    def __init__(self, content_type: str, write: Callable[[bytes], object]) -> None:
        boundary = parse_options_header(content_type)[1].get(b"boundary")
        if not boundary:
            raise Malformed("The media type of a form needs its boundary.")
        self.write = write
        self.header = b"", b""
        self.headers: dict[bytes, bytes] = {}
        self.parts = 0
        self.file_name, self.kind = "", ""
        """The name and the media type of the file, as the form has them."""
        self.is_complete = False
        callbacks: MultipartCallbacks = {
            "on_header_field": self.add_to_name,
            "on_header_value": self.add_to_value,
            "on_header_end": self.end_header,
            "on_headers_finished": self.begin_part,
            "on_part_data": self.add_content,
            "on_end": self.end,
        }
        self.parser = with_errors(lambda: MultipartParser(boundary, callbacks))

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the form. Raises Malformed, Invalid."""
        with_errors(lambda: self.parser.write(chunk))

    def finish(self) -> None:
        """Raise Malformed for a form that is cut off, Invalid for one without a file."""
        if not self.is_complete:
            raise Malformed("The form ends before its last boundary.")
        if not self.parts:
            refuse_field()

    def add_to_name(self, data: bytes, start: int, end: int) -> None:
        name, value = self.header
        self.header = name + data[start:end], value

    def add_to_value(self, data: bytes, start: int, end: int) -> None:
        name, value = self.header
        self.header = name, value + data[start:end]

    def end_header(self) -> None:
        name, value = self.header
        self.headers[name.lower()] = value
        self.header = b"", b""

    def begin_part(self) -> None:
        options = parse_options_header(self.headers.get(b"content-disposition"))[1]
        self.parts += 1
        if options.get(b"name") != FIELD.encode() or b"filename" not in options or self.parts > 1:
            refuse_field()
        self.file_name = options[b"filename"].decode(errors="replace")
        self.kind = self.headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()

    def add_content(self, data: bytes, start: int, end: int) -> None:
        self.write(data[start:end])

    def end(self) -> None:
        self.is_complete = True


def refuse_field() -> NoReturn:
    raise invalid(f"/body/{FIELD}", "Send exactly one field, `file`, with the file.", "not-one-file")


def with_errors(parse: Callable[[], T]) -> T:
    """What `parse` returns. Raises Malformed for what is no form."""
    try:
        return parse()
    except FormParserError as error:
        raise Malformed("The body is not valid multipart/form-data.") from error
