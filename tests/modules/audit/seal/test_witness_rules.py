"""What a witness cosigns, and that its memory of it survives threads, kill -9 and damage."""

import multiprocessing
import os
import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.modules.audit.seal.add_checkpoint import AddCheckpoint, InvalidRequest
from app.modules.audit.seal.checkpoint import Checkpoint
from app.modules.audit.seal.newest import CorruptState, NewestCheckpoints
from app.modules.audit.seal.note import Note, Signer, Unverified, sign_note
from app.modules.audit.seal.proofs import InvalidProof
from app.modules.audit.seal.tree import EMPTY_ROOT
from app.modules.audit.seal.witness_rules import SizeConflict, UnknownOrigin, WitnessRules
from tests.modules.audit.seal.logs import MemoryLog, new_cosigner

log = MemoryLog().grow(40)


@pytest.fixture
def rules(tmp_path: Path) -> WitnessRules:
    return WitnessRules(new_cosigner(), [log.signer.key], NewestCheckpoints(tmp_path / "state"))


def size_of(rules: WitnessRules) -> int:
    newest = rules.newest.find(log.origin)
    return newest.size if newest else 0


def test_a_log_that_grows_is_cosigned(rules: WitnessRules) -> None:
    for old, new in ((0, 1), (1, 1), (1, 7), (7, 8), (8, 33), (33, 40)):
        request = log.request(old, new)
        signature = rules.add(request)
        rules.cosigner.key.verify(request.note.text, signature.value)
        assert size_of(rules) == new


def test_an_empty_log_is_cosigned(rules: WitnessRules) -> None:
    rules.add(log.request(0, 0))
    rules.add(log.request(0, 5))

    other_root = sign_note(Checkpoint(log.origin, 0, b"\1" * 32).text, log.signer)
    assert size_of(rules) == 5
    with pytest.raises(SizeConflict):
        rules.add(AddCheckpoint(0, (), other_root))


def test_a_checkpoint_is_cosigned_again_with_other_extensions(rules: WitnessRules) -> None:
    rules.add(log.request(0, 5))

    rules.add(AddCheckpoint(5, (), log.checkpoint(5, epoch=2)))

    newest = rules.newest.find(log.origin)
    assert newest is not None
    assert newest.epoch == 2


@pytest.mark.parametrize(("old", "new"), [(0, 7), (0, 20), (3, 20), (3, 8), (8, 9), (0, 0)])
def test_another_size_than_the_newest_is_a_conflict(rules: WitnessRules, old: int, new: int) -> None:
    rules.add(log.request(0, 7))

    with pytest.raises(SizeConflict) as caught:
        rules.add(log.request(old, new))

    assert caught.value.size == size_of(rules) == 7


def test_a_rollback_is_refused(rules: WitnessRules) -> None:
    rules.add(log.request(0, 20))

    with pytest.raises(InvalidRequest):
        rules.add(replace(log.request(0, 7), old_size=20))
    with pytest.raises(SizeConflict):
        rules.add(log.request(7, 7))
    assert size_of(rules) == 20


def test_a_split_view_is_refused(rules: WitnessRules) -> None:
    fork = log.fork().grow(40)
    rules.add(log.request(0, 20))

    with pytest.raises(SizeConflict):
        rules.add(fork.request(20, 20))
    for new in (21, 32, 40):
        with pytest.raises(InvalidProof):
            rules.add(fork.request(20, new))
        with pytest.raises(InvalidProof):
            rules.add(replace(fork.request(20, new), proof=log.request(20, new).proof))
    assert size_of(rules) == 20


def test_a_bad_proof_is_refused(rules: WitnessRules) -> None:
    rules.add(log.request(0, 7))
    good = log.request(7, 20)

    for proof in ((), good.proof[:-1], good.proof[::-1], (*good.proof, EMPTY_ROOT)):
        with pytest.raises(InvalidProof):
            rules.add(replace(good, proof=proof))
    with pytest.raises(InvalidProof):
        rules.add(replace(log.request(7, 7), proof=(EMPTY_ROOT,)))
    assert size_of(rules) == 7
    rules.add(good)


def test_a_first_checkpoint_has_no_proof(rules: WitnessRules) -> None:
    with pytest.raises(InvalidProof):
        rules.add(replace(log.request(0, 7), proof=(EMPTY_ROOT,)))
    assert size_of(rules) == 0


def test_other_logs_and_other_keys_are_refused(rules: WitnessRules) -> None:
    stranger = MemoryLog("example.com/other").grow(5)
    forger = MemoryLog(log.origin).grow(5)

    with pytest.raises(UnknownOrigin):
        rules.add(stranger.request(0, 5))
    with pytest.raises(Unverified):
        rules.add(forger.request(0, 5))
    with pytest.raises(Unverified):
        rules.add(replace(log.request(0, 5), note=Note(log.checkpoint(5).text, stranger.checkpoint(5).signatures)))
    with pytest.raises(InvalidRequest):
        rules.add(AddCheckpoint(0, (), sign_note("no checkpoint\n", log.signer)))


def test_a_log_may_have_two_keys_while_one_is_replaced(tmp_path: Path) -> None:
    renewed = MemoryLog().grow(9)
    rules = WitnessRules(new_cosigner(), [log.signer.key, renewed.signer.key], NewestCheckpoints(tmp_path))

    rules.add(log.request(0, 5))
    rules.add(renewed.request(5, 9))

    assert size_of(rules) == 9


def test_logs_do_not_touch_each_other(tmp_path: Path) -> None:
    other = MemoryLog("example.com/other", salt="other").grow(9)
    rules = WitnessRules(new_cosigner(), [log.signer.key, other.signer.key], NewestCheckpoints(tmp_path))

    rules.add(log.request(0, 20))
    rules.add(other.request(0, 5))
    rules.add(other.request(5, 9))

    assert size_of(rules) == 20


def test_of_two_views_at_once_one_wins(tmp_path: Path) -> None:
    fork = log.fork().grow(40)
    cosigner = new_cosigner()
    witnesses = [WitnessRules(cosigner, [log.signer.key], NewestCheckpoints(tmp_path)) for _ in range(4)]
    requests = [view.request(0, size) for view in (log, fork) for size in range(1, 21)]

    def submit(number: int) -> str | None:
        try:
            witnesses[number % 4].add(requests[number])
        except SizeConflict:
            return None
        return requests[number].note.text

    with ThreadPoolExecutor(8) as pool:
        cosigned = [text for text in pool.map(submit, range(len(requests))) if text]

    assert len(cosigned) == 1
    newest = witnesses[0].newest.find(log.origin)
    assert newest is not None
    assert newest.text == cosigned[0]


def test_the_checkpoint_is_on_disk_before_it_has_its_name(rules: WitnessRules, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    real_fsync, real_replace = os.fsync, Path.replace

    def fsync(descriptor: int) -> None:
        steps.append(f"fsync {Path(f'/proc/self/fd/{descriptor}').readlink().suffix or 'folder'}")
        real_fsync(descriptor)

    def rename(path: Path, target: Path) -> Path:
        steps.append(f"rename {path.suffix} {target.suffix}")
        return real_replace(path, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", rename)
    rules.add(log.request(0, 5))

    assert steps == ["fsync .new", "rename .new .checkpoint", "fsync folder"]


def test_a_disk_that_fails_leaves_the_checkpoint_before(rules: WitnessRules, monkeypatch: pytest.MonkeyPatch) -> None:
    rules.add(log.request(0, 5))

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="No space"):
            rules.add(log.request(5, 9))
    assert size_of(rules) == 5
    rules.add(log.request(5, 9))


def cosign_until_killed(state: Path, signer: Signer, start: int, answers: Connection) -> None:
    """Grow the log by one leaf at a time, and report each size that was cosigned."""
    view = MemoryLog(signer=signer).grow(start + 5000)
    rules = WitnessRules(new_cosigner(), [signer.key], NewestCheckpoints(state))
    for size in range(start, start + 5000):
        rules.add(view.request(size, size + 1))
        answers.send(size + 1)


@pytest.mark.timeout(120)
def test_kill_9_at_any_moment_leaves_the_newest_checkpoint(tmp_path: Path) -> None:
    random, fork = Random(9), multiprocessing.get_context("fork")
    size, rounds = 0, 15
    for _ in range(rounds):
        answers, child_end = fork.Pipe(duplex=False)
        child = fork.Process(target=cosign_until_killed, args=(tmp_path, log.signer, size, child_end))
        child.start()
        child_end.close()
        answered = answers.recv()
        time.sleep(random.uniform(0, 0.03))
        child.kill()
        child.join()
        with suppress(EOFError):
            while True:
                answered = answers.recv()

        newest = NewestCheckpoints(tmp_path).find(log.origin)
        assert newest is not None
        assert newest.size in {answered, answered + 1}, "what was answered is stored, and the next one may be"
        assert newest.root == MemoryLog().grow(newest.size).tree.root
        size = newest.size
    assert size >= rounds


def test_what_a_killed_process_left_behind_does_no_harm(rules: WitnessRules) -> None:
    rules.add(log.request(0, 5))
    rules.newest.path(log.origin).with_suffix(".new").write_bytes(b"half a check")

    assert NewestCheckpoints(rules.newest.folder).find(log.origin) is not None
    rules.add(log.request(5, 9))
    assert size_of(rules) == 9


def test_every_damaged_byte_of_a_file_is_seen(rules: WitnessRules) -> None:
    rules.add(log.request(0, 5))
    path = rules.newest.path(log.origin)
    data = path.read_bytes()

    damages = [data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :] for at in range(len(data))]
    damages += [data[:length] for length in range(0, len(data), 7)] + [data + b"x"]
    for damaged in damages:
        path.write_bytes(damaged)
        with pytest.raises(CorruptState, match="damaged"):
            NewestCheckpoints(rules.newest.folder)
        with pytest.raises(CorruptState):
            rules.add(log.request(5, 9))
        assert path.read_bytes() == damaged, "what is damaged is not replaced"
    path.write_bytes(data)
    rules.add(log.request(5, 9))


def test_a_file_of_another_log_is_seen(rules: WitnessRules) -> None:
    rules.add(log.request(0, 5))
    rules.newest.path(log.origin).rename(rules.newest.path("example.com/other"))

    with pytest.raises(CorruptState, match="another log"):
        NewestCheckpoints(rules.newest.folder)


def test_a_request_is_written_and_read() -> None:
    request = log.request(7, 20)
    data = bytes(request)

    assert AddCheckpoint.parse(data) == request
    hashes = "".join(f"{b64encode(value).decode()}\n" for value in log.consistency(7, 20))
    assert data == f"old 7\n{hashes}\n".encode() + bytes(log.checkpoint(20))
    assert bytes(log.request(0, 5)).startswith(b"old 0\n\nexample.com/log\n5\n")


NOTE = bytes(log.checkpoint(5))
HASH = b64encode(EMPTY_ROOT) + b"\n"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"old 0\n",
        b"old 0\n\n",
        b"old 0\n" + NOTE,
        b"\n" + NOTE,
        b"old\n\n" + NOTE,
        b"old \n\n" + NOTE,
        b"old 00\n\n" + NOTE,
        b"old -1\n\n" + NOTE,
        b"old 1_0\n\n" + NOTE,
        "old ５\n\n".encode() + NOTE,
        b"old 9223372036854775808\n\n" + NOTE,
        b"old 99999999999999999999\n\n" + NOTE,
        b"OLD 0\n\n" + NOTE,
        b"old  0\n\n" + NOTE,
        b"old 0\r\n\n" + NOTE,
        b"old 0\n" + HASH[:-2] + b"\n\n" + NOTE,
        b"old 0\n" + HASH[4:] + b"\n" + NOTE,
        b"old 0\n" + HASH + b" \n" + NOTE,
        b"old 0\n" + HASH * 64 + b"\n" + NOTE,
        b"old 0\n\n" + NOTE[:-1],
    ],
)
def test_a_malformed_request_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidRequest):
        AddCheckpoint.parse(data)


@given(st.binary(max_size=80))
def test_noise_is_no_request(data: bytes) -> None:
    with pytest.raises(InvalidRequest):
        AddCheckpoint.parse(b"old 0\n" + data)
