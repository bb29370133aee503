"""Asking for a page, and being given one: keyset cursors that cannot be forged or moved to another question."""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as BadBase64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, Self, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.core.errors import Invalid, invalid

T = TypeVar("T")

MAC_BYTES = 16
MAX_OFFSET = 10_000


class PageQuery(BaseModel):
    """The parameters of every list. A subclass adds filters: `x` (equal, or any of a list), `x_lt`, `x_gte`, …"""

    model_config = ConfigDict(extra="forbid")

    sortable: ClassVar[tuple[str, ...]] = ("created_at", "updated_at")
    default_sort: ClassVar[str] = "-created_at"

    limit: int = Field(50, ge=1, le=100, description="Items in a page.")
    cursor: str | None = Field(None, max_length=2048, description="`next_cursor` of the page before.")
    offset: int = Field(0, ge=0, le=MAX_OFFSET, description="Items to skip, as an alternative to a cursor.")
    total: bool = Field(False, description="Count all items that match.")
    sort: str | None = Field(None, max_length=200, description="Fields, comma separated; `-` for descending.")

    @model_validator(mode="after")
    def one_way_to_walk(self) -> Self:
        if self.cursor and self.offset:
            raise ValueError("use either cursor or offset")
        return self

    def ordering(self) -> list[tuple[str, bool]]:
        """Pairs of (field, descending), the id last. Raises Invalid on a field that is not sortable."""
        pairs: list[tuple[str, bool]] = []
        for part in (self.sort or self.default_sort).split(","):
            name = part.removeprefix("-")
            if name not in self.sortable or name in dict(pairs):
                allowed = ", ".join(self.sortable)
                raise invalid(
                    "/query/sort", f"Sort by one or more of {allowed}, each once; - for descending.", "not-sortable"
                )
            pairs.append((name, part.startswith("-")))
        return pairs if "id" in dict(pairs) else [*pairs, ("id", pairs[-1][1])]

    def filters(self) -> dict[str, Any]:
        """What the client asked for beyond paging, in JSON values."""
        return {
            name: value
            for name, value in self.model_dump(mode="json", exclude=set(PageQuery.model_fields)).items()
            if value not in (None, [])
        }

    def question(self, resource: str) -> bytes:
        """A digest of everything a cursor depends on but the position."""
        asked = [resource, self.ordering(), self.filters()]
        return hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).digest()


class EntityQuery(PageQuery):
    """The list parameters of a resource that is soft-deleted and searched."""

    deleted: Literal["only"] | None = Field(
        None, description="List what was deleted instead (needs the delete permission)."
    )
    q: str | None = Field(None, min_length=1, max_length=200, description="Words; each must begin a word of the item.")


class Page(BaseModel, Generic[T]):
    """What a list answers."""

    model_config = ConfigDict(from_attributes=True)

    items: list[T]
    next_cursor: str | None
    total: int | None

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """`TaskPage`, for the document and the clients made from it."""
        return f"{params[0].__name__.removesuffix('Read')}Page"


@dataclass(frozen=True, slots=True)
class Window:
    """Rows of one page, on their way to becoming a `Page`."""

    items: Sequence[Any]
    next_cursor: str | None
    total: int | None


def seal(key: bytes, question: bytes, position: list[Any]) -> str:
    """A cursor: the sort values of the last row, with a MAC over them and the question."""
    payload = orjson.dumps(position)
    mac = hmac.digest(key, question + payload, hashlib.sha256)[:MAC_BYTES]
    return urlsafe_b64encode(mac + payload).rstrip(b"=").decode()


def unseal(key: bytes, question: bytes, cursor: str) -> list[Any]:
    """The position in `cursor`. Raises Invalid if it was altered, or belongs to another list, filter or sort."""
    refused: Invalid = invalid(
        "/query/cursor", "This cursor does not belong to this list, filter and sort.", "bad-cursor"
    )
    try:
        raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except (BadBase64, ValueError) as error:
        raise refused from error
    mac, payload = raw[:MAC_BYTES], raw[MAC_BYTES:]
    expected = hmac.digest(key, question + payload, hashlib.sha256)[:MAC_BYTES]
    if not hmac.compare_digest(mac, expected) or seal(key, question, orjson.loads(payload)) != cursor:
        raise refused
    return list(orjson.loads(payload))
