"""The client of a witness (C2SP tlog-witness): asks for the cosignature of a checkpoint."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus

from app.core.context import RequestContext
from app.core.outgoing import Call, Outgoing, OutgoingError
from app.modules.audit.seal.add_checkpoint import PATH, SIZE_TYPE, AddCheckpoint, InvalidRequest, parse_size
from app.modules.audit.seal.checkpoint import Checkpoint, CosignerKey
from app.modules.audit.seal.note import MAX_NOTE_BYTES, InvalidNote, Note, Signature, parse_signatures

ATTEMPTS = 3
"""Another process of the log may ask the witness at the same time, so that its size moves."""
CONTEXT_NAME = "cosign"

Prove = Callable[[int, int], Awaitable[Sequence[bytes]]]
"""Makes the proof of consistency between two sizes of the log."""


class WitnessError(Exception):
    """The witness gave no cosignature."""


class WitnessUnavailable(WitnessError):
    """The witness did not answer, or not in time, or it failed."""


class WitnessRefused(WitnessError):
    """The witness does not cosign what it was sent: it does not know the log, its key, or does not accept the proof."""


class WitnessConflict(WitnessError):
    """The witness cosigned what is not in this checkpoint: more leaves, or another root at the same size.

    A newer checkpoint of this log was cosigned meanwhile; or the log was rolled back or rewritten; or somewhere else a
    log signs with the same key.
    """

    def __init__(self, size: int) -> None:
        super().__init__(f"the witness cosigned size {size}, which does not fit this checkpoint")
        self.size = size


class WitnessClient:
    """One witness. A call ends within `seconds`, and raises nothing but WitnessError and what `prove` raises."""

    def __init__(self, outgoing: Outgoing, url: str, key: CosignerKey, seconds: float) -> None:
        self.outgoing = outgoing
        self.url = url.rstrip("/") + PATH
        self.key = key
        self.seconds = seconds

    async def cosign(self, note: Note, old_size: int, prove: Prove) -> Signature:
        """The cosignature of a checkpoint that the log signed.

        `old_size` is what the witness probably cosigned last, 0 where that is unknown: it says so if it is not.
        """
        try:
            async with asyncio.timeout(self.seconds) as limit:
                return await self.ask(note, old_size, prove)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise WitnessUnavailable(f"no answer within {self.seconds} s") from error

    async def ask(self, note: Note, old_size: int, prove: Prove) -> Signature:
        new = Checkpoint.parse(note.text)
        old_size = min(old_size, new.size)
        for _ in range(ATTEMPTS):
            request = AddCheckpoint(old_size, tuple(await prove(old_size, new.size)), note)
            status, kind, body = await self.send(bytes(request))
            if status == HTTPStatus.OK:
                return self.find_cosignature(body, note)
            if status != HTTPStatus.CONFLICT:
                raise refusal(status, body)
            known = size_of(kind, body)
            if known > new.size or known == old_size:
                raise WitnessConflict(known)
            old_size = known
        raise WitnessUnavailable("the size of the witness keeps changing")

    async def send(self, content: bytes) -> tuple[int, str, bytes]:
        """Status, media type and body of the answer, of which no more is read than a note may have."""
        call = Call("POST", self.url, content=content, seconds=self.seconds, max_bytes=MAX_NOTE_BYTES)
        try:
            answer = await self.outgoing.send(call, RequestContext.for_job(CONTEXT_NAME))
        except OutgoingError as error:
            raise WitnessUnavailable(f"{type(error).__name__}: {error}") from error
        return answer.status, answer.headers.get("content-type", ""), answer.content

    def find_cosignature(self, body: bytes, note: Note) -> Signature:
        try:
            cosigned = Note(note.text, parse_signatures(body.decode()))
            return cosigned.verify([self.key])[0]
        except (InvalidNote, UnicodeDecodeError) as error:
            raise WitnessRefused(f"the answer has no cosignature by {self.key.name}: {error}") from error


def size_of(kind: str, body: bytes) -> int:
    """The size that the witness cosigned last, from its answer."""
    try:
        if kind.partition(";")[0].strip() == SIZE_TYPE and body.endswith(b"\n"):
            return parse_size(body.decode().removesuffix("\n"))
    except (InvalidRequest, UnicodeDecodeError):
        pass
    raise WitnessRefused("the witness reports a conflict, and no size")


def refusal(status: int, body: bytes) -> WitnessError:
    """What an answer without a cosignature means."""
    kind = WitnessUnavailable if status >= HTTPStatus.INTERNAL_SERVER_ERROR else WitnessRefused
    return kind(f"the witness answered {status}: {body[:200].decode(errors='replace').strip()}")
