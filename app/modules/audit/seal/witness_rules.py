"""What a witness cosigns (C2SP tlog-witness): one growing view of each log that it knows."""

from collections import defaultdict
from collections.abc import Iterable

from app.modules.audit.seal.add_checkpoint import AddCheckpoint, InvalidRequest
from app.modules.audit.seal.checkpoint import Checkpoint, Cosigner
from app.modules.audit.seal.newest import NewestCheckpoints
from app.modules.audit.seal.note import InvalidNote, Note, Signature, VerifierKey
from app.modules.audit.seal.proofs import verify_consistency
from app.modules.audit.seal.tree import EMPTY_ROOT


class UnknownOrigin(Exception):
    """The witness has no key of this log."""


class SizeConflict(Exception):
    """The witness cosigned another size last, or another root at this size."""

    def __init__(self, size: int) -> None:
        super().__init__(f"the witness cosigned size {size}")
        self.size = size


class WitnessRules:
    """Cosigns a checkpoint only if it extends the one that was cosigned before."""

    def __init__(self, cosigner: Cosigner, logs: Iterable[VerifierKey], newest: NewestCheckpoints) -> None:
        """The name of a key in `logs` is the origin of its log, which may have several keys."""
        self.cosigner = cosigner
        self.newest = newest
        self.keys: dict[str, list[VerifierKey]] = defaultdict(list)
        for key in logs:
            self.keys[key.name].append(key)

    def add(self, request: AddCheckpoint) -> Signature:
        """Store the checkpoint, and return its cosignature.

        Raises InvalidRequest, UnknownOrigin, Unverified, SizeConflict and InvalidProof; OSError and CorruptState.
        """
        checkpoint = self.verify(request.note)
        if request.old_size > checkpoint.size:
            raise InvalidRequest("the old size is larger than that of the checkpoint")
        with self.newest.lock(checkpoint.origin):
            self.check_extends(request, checkpoint)
            self.newest.replace(checkpoint.origin, request.note)
            return self.cosigner.sign(request.note.text)  # in the lock: its time says that no larger one was cosigned

    def verify(self, note: Note) -> Checkpoint:
        try:
            checkpoint = Checkpoint.parse(note.text)
        except InvalidNote as error:
            raise InvalidRequest(str(error)) from error
        if checkpoint.origin not in self.keys:
            raise UnknownOrigin("the witness does not know this log")
        note.verify(self.keys[checkpoint.origin])
        return checkpoint

    def check_extends(self, request: AddCheckpoint, new: Checkpoint) -> None:
        old = self.newest.find(new.origin)
        size, root = (old.size, old.root) if old else (0, EMPTY_ROOT)
        if request.old_size != size or (new.size == size and new.root != root):
            raise SizeConflict(size)
        verify_consistency(size, new.size, root, new.root, request.proof)
