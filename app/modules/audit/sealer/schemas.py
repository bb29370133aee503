"""Responses about sealed logs."""

from app.core.resources.schemas import ResponseSchema


class InclusionProof(ResponseSchema):
    """The proof that a checkpoint covers an entry (RFC 9162, 2.1.3)."""

    log: str
    """The log: `changes` or `access`."""
    seq: int
    """The place of the entry, from 1. Its leaf in the tree has the index `seq - 1`."""
    size: int
    """The number of entries that the checkpoint covers."""
    entry: str
    """The canonical bytes of the entry, in UTF-8. The SHA-256 of a zero byte and these is the hash of the leaf."""
    path: list[str]
    """The hashes from the leaf to the root, in base64."""
    checkpoint: str
    """The signed checkpoint."""


class ConsistencyProof(ResponseSchema):
    """The proof that a log at one size is the beginning of the log at another (RFC 9162, 2.1.4)."""

    log: str
    """The log: `changes` or `access`."""
    from_size: int
    """The smaller number of entries."""
    to_size: int
    """The larger number of entries."""
    path: list[str]
    """The hashes of the proof, in base64."""
