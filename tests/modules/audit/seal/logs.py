"""A log that grows in memory, signs checkpoints, and makes proofs, for tests of witnesses."""

from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.modules.audit.seal.add_checkpoint import AddCheckpoint
from app.modules.audit.seal.checkpoint import Checkpoint, Cosigner
from app.modules.audit.seal.note import Note, Signer, sign_note
from app.modules.audit.seal.proofs import cover, plan_consistency
from app.modules.audit.seal.tree import Node, Tree, fold, leaf_hash


class MemoryLog:
    """A log whose entries are its name and a number."""

    def __init__(self, origin: str = "example.com/log", salt: str = "", signer: Signer | None = None) -> None:
        self.origin = origin
        self.salt = salt
        self.signer = signer or Signer(origin, Ed25519PrivateKey.generate())
        self.tree = Tree()
        self.hashes: dict[Node, bytes] = {}

    def fork(self, salt: str = "forked") -> "MemoryLog":
        """Another log with the same name and key, and other entries."""
        return MemoryLog(self.origin, salt, self.signer)

    def grow(self, size: int) -> "MemoryLog":
        """Append entries until there are `size`."""
        first = self.tree.size
        entries = (f"{self.salt} {number}".encode() for number in range(first, size))
        for level, row in enumerate(self.tree.append(map(leaf_hash, entries))):
            self.hashes.update({Node(level, (first >> level) + at): value for at, value in enumerate(row)})
        return self

    def checkpoint(self, size: int, epoch: int | None = None) -> Note:
        """The signed checkpoint at a size that the log has reached."""
        root = fold([self.hashes[node] for node in cover(0, size)])
        return sign_note(Checkpoint(self.origin, size, root, epoch=epoch).text, self.signer)

    def consistency(self, old: int, new: int) -> list[bytes]:
        return plan_consistency(old, new).build(self.hashes)

    async def prove(self, old: int, new: int) -> Sequence[bytes]:
        return self.consistency(old, new)

    def request(self, old: int, new: int) -> AddCheckpoint:
        """The request that takes a witness from one size to another."""
        return AddCheckpoint(old, tuple(self.consistency(old, new)), self.checkpoint(new))


def new_cosigner(name: str = "witness.example.com/w1") -> Cosigner:
    return Cosigner(name, Ed25519PrivateKey.generate())
