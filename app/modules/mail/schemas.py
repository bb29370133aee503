"""What a mail is about."""

from datetime import datetime

from pydantic import BaseModel, Field


class Letter(BaseModel):
    """A mail that is to be sent. It is kept encrypted until it is."""

    text: str
    """What it says: the name of a text of the catalogue."""
    to: str = Field(repr=False)
    """The address of its reader, and nothing else."""
    language: str | None = None
    """The language of its reader; None: that of the settings."""
    values: dict[str, str] = Field(default_factory=dict, repr=False)
    """What the text names."""
    url: str | None = Field(None, repr=False)
    """Where its button leads."""
    valid_until: datetime | None = None
    """After that it is not sent any more."""


class Sent(BaseModel):
    """What came of a mail."""

    is_sent: bool
    """Whether a mail server took it; else it went to the log."""
