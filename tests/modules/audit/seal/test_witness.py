"""The client of a witness, against our own witness in this process and against peers that misbehave."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path

import httpx
import pytest

from app.core.config import OutgoingSettings
from app.core.outgoing import Outgoing, open_outgoing
from app.modules.audit.seal.add_checkpoint import MAX_REQUEST_BYTES, SIZE_TYPE, AddCheckpoint
from app.modules.audit.seal.checkpoint import CosignerKey
from app.modules.audit.seal.newest import NewestCheckpoints
from app.modules.audit.seal.note import MAX_NOTE_BYTES, Note
from app.modules.audit.seal.witness import (
    WitnessClient,
    WitnessConflict,
    WitnessError,
    WitnessRefused,
    WitnessUnavailable,
)
from app.modules.audit.seal.witness_rules import WitnessRules
from app.witness import create_witness
from tests.modules.audit.seal.logs import MemoryLog, new_cosigner

URL = "http://witness.test/prefix"
log = MemoryLog().grow(40)
cosigner = new_cosigner()

Handler = Callable[[httpx.Request], Coroutine[None, None, httpx.Response]]


@pytest.fixture
def rules(tmp_path: Path) -> WitnessRules:
    return WitnessRules(cosigner, [log.signer.key], NewestCheckpoints(tmp_path))


@pytest.fixture
async def http(rules: WitnessRules) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(create_witness(rules))) as client:
        yield client


@pytest.fixture
def client(rules: WitnessRules) -> WitnessClient:
    outgoing = Outgoing(OutgoingSettings(), transport=httpx.ASGITransport(create_witness(rules)))
    return WitnessClient(outgoing, "http://witness.test/", cosigner.key, seconds=5)


def client_of(handler: Handler, key: CosignerKey = cosigner.key, seconds: float = 5) -> WitnessClient:
    """A client of a peer that answers as `handler` says."""
    return WitnessClient(Outgoing(OutgoingSettings(), transport=httpx.MockTransport(handler)), URL, key, seconds)


def reply(status: int, content: str | bytes, **headers: str) -> httpx.Response:
    """A response that comes in parts, as from the network."""

    async def parts() -> AsyncIterator[bytes]:
        yield content if isinstance(content, bytes) else content.encode()

    return httpx.Response(status, content=parts(), headers=headers)


def answer(status: int, content: str | bytes = b"", kind: str = SIZE_TYPE) -> Handler:
    async def handle(_: httpx.Request) -> httpx.Response:
        return reply(status, content, **{"content-type": kind})

    return handle


async def test_a_growing_log_is_cosigned(client: WitnessClient) -> None:
    for old, new in ((0, 0), (0, 3), (3, 3), (3, 40)):
        note = log.checkpoint(new)
        signature = await client.cosign(note, old, log.prove)
        assert note.add(signature).verify([cosigner.key]) == [signature]


async def test_the_client_goes_on_from_the_size_of_the_witness(client: WitnessClient, rules: WitnessRules) -> None:
    rules.add(log.request(0, 17))
    proofs: list[tuple[int, int]] = []

    async def prove(old: int, new: int) -> list[bytes]:
        proofs.append((old, new))
        return log.consistency(old, new)

    await client.cosign(log.checkpoint(33), 5, prove)

    assert proofs == [(5, 33), (17, 33)]


async def test_a_log_that_was_rolled_back_learns_the_size_of_the_witness(
    client: WitnessClient, rules: WitnessRules
) -> None:
    rules.add(log.request(0, 33))

    for old in (0, 20, 33):
        with pytest.raises(WitnessConflict) as caught:
            await client.cosign(log.checkpoint(20), old, log.prove)
        assert caught.value.size == 33


async def test_a_split_view_is_an_error(client: WitnessClient, rules: WitnessRules) -> None:
    fork = log.fork().grow(40)
    rules.add(log.request(0, 33))

    with pytest.raises(WitnessConflict):
        await client.cosign(fork.checkpoint(33), 33, fork.prove)
    with pytest.raises(WitnessConflict):
        await client.cosign(fork.checkpoint(33), 0, fork.prove)
    with pytest.raises(WitnessRefused, match="422"):
        await client.cosign(fork.checkpoint(40), 33, fork.prove)


async def test_a_stranger_is_refused(client: WitnessClient) -> None:
    with pytest.raises(WitnessRefused, match="404"):
        await client.cosign(MemoryLog("example.com/other").grow(5).checkpoint(5), 0, log.prove)
    with pytest.raises(WitnessRefused, match="403"):
        await client.cosign(MemoryLog().grow(5).checkpoint(5), 0, log.prove)


async def test_of_clients_at_once_none_takes_the_witness_back(client: WitnessClient, rules: WitnessRules) -> None:
    async def ask(size: int) -> int:
        try:
            await client.cosign(log.checkpoint(size), 0, log.prove)
        except (WitnessConflict, WitnessUnavailable):
            return 0
        return size

    cosigned = max(await asyncio.gather(*(ask(size) for size in range(1, 40))))

    newest = rules.newest.find(log.origin)
    assert newest is not None
    assert newest.size == cosigned > 0
    assert await ask(40) == 40


@pytest.mark.parametrize(
    ("status", "content", "error"),
    [
        (200, b"", WitnessRefused),
        (200, b"\xff\n", WitnessRefused),
        (200, str(new_cosigner().sign(log.checkpoint(5).text)) + "\n", WitnessRefused),
        (200, str(cosigner.sign(log.checkpoint(6).text)) + "\n", WitnessRefused),
        (200, str(cosigner.sign(log.checkpoint(5).text)), WitnessRefused),
        (200, b"x" * (MAX_NOTE_BYTES + 1), WitnessUnavailable),
        (204, b"", WitnessRefused),
        (302, b"", WitnessRefused),
        (400, b"\xff" * 1000, WitnessRefused),
        (409, b"", WitnessRefused),
        (409, b"5", WitnessRefused),
        (409, b"05\n", WitnessRefused),
        (409, b"\xff\n", WitnessRefused),
        (409, b"-1\n", WitnessRefused),
        (409, b"99999999999999999999\n", WitnessRefused),
        (409, b"6\n", WitnessConflict),
        (409, b"0\n", WitnessConflict),
        (409, b"9223372036854775807\n", WitnessConflict),
        (500, b"", WitnessUnavailable),
        (503, b"", WitnessUnavailable),
    ],
)
async def test_whatever_is_answered_the_error_is_typed(
    status: int, content: str | bytes, error: type[WitnessError]
) -> None:
    with pytest.raises(error):
        await client_of(answer(status, content)).cosign(log.checkpoint(5), 0, log.prove)


async def test_a_size_of_another_type_is_not_believed() -> None:
    with pytest.raises(WitnessRefused, match="no size"):
        await client_of(answer(409, "3\n", "text/plain")).cosign(log.checkpoint(5), 0, log.prove)


async def test_the_cosignature_is_found_among_others() -> None:
    note = log.checkpoint(5)
    lines = "".join(f"{signer.sign(note.text)}\n" for signer in (new_cosigner(), log.signer, cosigner))

    signature = await client_of(answer(200, lines)).cosign(note, 0, log.prove)

    assert note.add(signature).verify([cosigner.key]) == [signature]


async def test_the_request_is_that_of_the_protocol() -> None:
    seen: list[httpx.Request] = []

    async def remember(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return reply(200, f"{cosigner.sign(log.checkpoint(33).text)}\n")

    await client_of(remember).cosign(log.checkpoint(33), 5, log.prove)

    assert (seen[0].method, str(seen[0].url)) == ("POST", f"{URL}/add-checkpoint")
    assert AddCheckpoint.parse(seen[0].content) == log.request(5, 33)


async def test_a_witness_whose_size_keeps_changing_is_given_up() -> None:
    sizes = iter(range(1, 40))

    async def count(_: httpx.Request) -> httpx.Response:
        return reply(409, f"{next(sizes)}\n", **{"content-type": SIZE_TYPE})

    with pytest.raises(WitnessUnavailable, match="keeps changing"):
        await client_of(count).cosign(log.checkpoint(40), 0, log.prove)
    assert next(sizes) == 4


async def test_a_compressed_answer_is_not_unpacked() -> None:
    bomb = gzip.compress(b"x" * 10_000_000)

    async def compress(request: httpx.Request) -> httpx.Response:
        assert request.headers["Accept-Encoding"] == "identity"
        return reply(200, bomb, **{"content-encoding": "gzip"})

    with pytest.raises(WitnessUnavailable):
        await client_of(compress).cosign(log.checkpoint(5), 0, log.prove)


async def test_a_silent_witness_costs_no_more_than_the_limit() -> None:
    async def wait(_: httpx.Request) -> httpx.Response:
        await asyncio.sleep(60)
        raise AssertionError("the client waited")

    with pytest.raises(WitnessUnavailable, match=r"0\.05 s"):
        await client_of(wait, seconds=0.05).cosign(log.checkpoint(5), 0, log.prove)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://", "nonsense", "http://[::1", "ftp://witness.test"])
async def test_a_witness_that_cannot_be_reached_is_a_typed_error(url: str) -> None:
    async with open_outgoing(OutgoingSettings()) as outgoing:
        with pytest.raises(WitnessUnavailable):
            await WitnessClient(outgoing, url, cosigner.key, seconds=5).cosign(log.checkpoint(5), 0, log.prove)


async def test_what_proving_raises_passes_through(client: WitnessClient) -> None:
    async def fail(_old: int, _new: int) -> list[bytes]:
        raise TimeoutError("the database")

    with pytest.raises(TimeoutError, match="the database"):
        await client.cosign(log.checkpoint(5), 0, fail)


async def test_statuses_and_types_are_those_of_the_protocol(http: httpx.AsyncClient, rules: WitnessRules) -> None:
    async def send(content: bytes) -> tuple[int, str, str]:
        got = await http.post("http://witness.test/add-checkpoint", content=content)
        return got.status_code, got.headers["Content-Type"], got.text

    stranger, forger, fork = MemoryLog("example.com/other").grow(5), MemoryLog().grow(5), log.fork().grow(40)

    status, _, body = await send(bytes(log.request(0, 20)))
    assert status == 200
    assert Note.parse(bytes(log.checkpoint(20)) + body.encode()).verify([cosigner.key])
    assert await send(bytes(log.request(0, 33))) == (409, "text/x.tlog.size", "20\n")
    assert await send(bytes(fork.request(20, 20))) == (409, "text/x.tlog.size", "20\n")
    assert (await send(bytes(fork.request(20, 33))))[0] == 422
    assert (await send(bytes(stranger.request(0, 5))))[0] == 404
    assert (await send(bytes(forger.request(0, 5))))[0] == 403
    assert (await send(bytes(AddCheckpoint(20, (), log.checkpoint(5)))))[0] == 400
    assert (await send(b"noise"))[0] == 400
    assert (await send(b"x" * (MAX_REQUEST_BYTES + 1)))[0] == 413
    assert (await http.get("http://witness.test/add-checkpoint")).status_code == 405
    assert (await http.post("http://witness.test/other")).status_code == 404


async def test_damage_that_comes_later_is_a_failure(client: WitnessClient, rules: WitnessRules) -> None:
    rules.add(log.request(0, 20))
    rules.newest.path(log.origin).write_bytes(b"damaged")

    with pytest.raises(WitnessUnavailable, match="500"):
        await client.cosign(log.checkpoint(33), 20, log.prove)
