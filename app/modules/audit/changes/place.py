"""The place of a value: the field of a row, to which what the change log stores of the value is bound."""

from typing import NamedTuple


class Place(NamedTuple):
    """A field of a row."""

    entity: str
    """The table."""
    entity_id: str
    """The id of the row."""
    field: str
    """The column."""

    @property
    def context(self) -> bytes:
        """What binds a ciphertext to this place."""
        return f"{self.entity}/{self.entity_id}/{self.field}".encode()
