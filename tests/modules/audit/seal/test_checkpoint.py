"""Checkpoints and cosignatures: a published one of a real log, strict reading, and what is refused."""

from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from struct import pack

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from app.core.clock import now
from app.modules.audit.seal.checkpoint import (
    Checkpoint,
    Cosigner,
    CosignerKey,
    InvalidCheckpoint,
    cosigned_at,
    open_checkpoint,
)
from app.modules.audit.seal.note import (
    InvalidNote,
    Note,
    Signature,
    Signer,
    UnusableKey,
    Unverified,
    VerifierKey,
    sign_note,
)

LOG_KEY = "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f"
WITNESS_KEYS = (
    "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
    "witness.stagemole.eu+67f7aea0+BEqSG3yu9YrmcM3BHvQYTxwFj3uSWakQepafafpUqklv",
    "transparency.dev/DEV:witness-little-garden+d8042a87+BCtusOxINQNUTN5Oj8HObRkh2yHf/MwYaGX4CPdiVEPM",
    "witness1.smartit.nu/witness1+a48c820f+BPSFWg9G6KPiO7QPryYO5Xq4oYJJ+kAvLKLSimDhoxMO",
)
PUBLISHED = """\
arche2025h1.staging.ct.transparency.dev
1432088532
U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=

— arche2025h1.staging.ct.transparency.dev \
zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=
— arche2025h1.staging.ct.transparency.dev \
ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=
— transparency.dev/DEV:witness-little-garden \
2AQqhwAAAABqEiEgzgFIqqhbUoDwjMWE6UP8nd8/KYTzwZ2rhIgcqoXHAwVkjZr4AscylP3v7sEodkRAErumC2q44vdgJY096st5BQ==
— witness1.smartit.nu/witness1 \
pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0WH+/iEcxZ75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZsDsUAQ==
— remora.n621.de \
2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==
— witness.stagemole.eu \
Z/euoAAAAABqEiEgw0i+7g2ENfDAWHmtRzCfKTHSDwYDJA2NmKeGi9Y8FtEyOUvVr+AJmIY/2TUFucgKi7lI7cUiOvKFYe/TmN9DAg==
"""
"""A checkpoint of a log of Certificate Transparency, cosigned by four public witnesses."""
ROOT = sha256(b"root").digest()
ROOT_LINE = b64encode(ROOT).decode()
AT = datetime(2026, 11, 27, 4, 5, 6, 7, tzinfo=UTC)


def new_cosigner(name: str = "witness.example.com/w1") -> Cosigner:
    return Cosigner(name, Ed25519PrivateKey.generate())


def test_a_published_checkpoint_verifies_with_its_cosignatures() -> None:
    note = Note.parse(PUBLISHED.encode())
    log, witnesses = VerifierKey.parse(LOG_KEY), [CosignerKey.parse(text) for text in WITNESS_KEYS]

    checkpoint = open_checkpoint(note, [log])

    assert (checkpoint.origin, checkpoint.size) == ("arche2025h1.staging.ct.transparency.dev", 1432088532)
    assert checkpoint.root == b64decode("U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=")
    cosignatures = note.verify(witnesses)
    assert {signature.name for signature in cosignatures} == {key.name for key in witnesses}
    assert {cosigned_at(signature.value) for signature in cosignatures} == {0x6A122120}
    assert bytes(note) == PUBLISHED.encode()


@pytest.mark.parametrize("key", [LOG_KEY, *WITNESS_KEYS])
def test_an_altered_published_checkpoint_does_not_verify(key: str) -> None:
    note = Note.parse(PUBLISHED.replace("1432088532", "1432088533").encode())
    kind = VerifierKey if key == LOG_KEY else CosignerKey

    with pytest.raises(Unverified):
        note.verify([kind.parse(key)])


@pytest.mark.parametrize(
    ("checkpoint", "text"),
    [
        (Checkpoint("example.com/log", 20852163, ROOT), f"example.com/log\n20852163\n{ROOT_LINE}\n"),
        (
            Checkpoint("a log", 0, ROOT, at=AT, epoch=0),
            f"a log\n0\n{ROOT_LINE}\nattest/time 2026-11-27T04:05:06.000007Z\nattest/epoch 0\n",
        ),
        (Checkpoint("o", 1, ROOT, epoch=12), f"o\n1\n{ROOT_LINE}\nattest/epoch 12\n"),
        (
            Checkpoint("o", 1, ROOT, at=AT.astimezone(timezone(timedelta(hours=5))), extensions=("time 5", "é")),
            f"o\n1\n{ROOT_LINE}\nattest/time 2026-11-27T04:05:06.000007Z\ntime 5\né\n",
        ),
    ],
)
def test_a_checkpoint_is_written_and_read(checkpoint: Checkpoint, text: str) -> None:
    assert checkpoint.text == text
    assert Checkpoint.parse(text) == checkpoint


LINES = f"o\n5\n{ROOT_LINE}\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "\n\n\n",
        "\n\n\n\n",
        f"o\n5\n{ROOT_LINE}",
        "o\n5\n",
        "o\n5\n\n",
        f"\n5\n{ROOT_LINE}\n",
        f"o\n\n{ROOT_LINE}\n",
        f"o\n05\n{ROOT_LINE}\n",
        f"o\n+5\n{ROOT_LINE}\n",
        f"o\n-5\n{ROOT_LINE}\n",
        f"o\n5 \n{ROOT_LINE}\n",
        f"o\n5_0\n{ROOT_LINE}\n",
        f"o\n５\n{ROOT_LINE}\n",
        f"o\n{2**63}\n{ROOT_LINE}\n",
        f"o\n{'9' * 5000}\n{ROOT_LINE}\n",
        f"o\nfive\n{ROOT_LINE}\n",
        f"o\n5\n{ROOT_LINE[:-1]}\n",
        f"o\n5\n{ROOT.hex()}\n",
        f"o\n5\n{b64encode(ROOT + ROOT[:1]).decode()}\n",
        f"{LINES}\n",
        f"{LINES}x\n\ny\n",
        f"{LINES}attest/time now\n",
        f"{LINES}attest/time 2026-11-27T04:05:06Z\n",
        f"{LINES}attest/time 2026-11-27T04:05:06.000007+00:00\n",
        f"{LINES}attest/time 2026-11-27T04:05:60.000007Z\n",
        f"{LINES}attest/time 2026-1-27T04:05:06.000007Z\n",
        f"{LINES}attest/epoch 01\n",
        f"{LINES}attest/epoch -1\n",
        f"{LINES}attest/epoch \n",
        f"{LINES}attest/epoch 1\nattest/epoch 1\n",
        f"{LINES}attest/epoch 1\nattest/time 2026-11-27T04:05:06.000007Z\n",
        f"{LINES}other\nattest/epoch 1\n",
    ],
)
def test_a_malformed_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(InvalidNote):
        Checkpoint.parse(text)


@given(st.text(max_size=60) | st.from_regex(r"\A[a-z]{0,3}\n[0-9]{0,3}\n[A-Za-z0-9+/=]{0,44}\n", fullmatch=False))
def test_whatever_is_read_is_written_the_same(text: str) -> None:
    try:
        checkpoint = Checkpoint.parse(text)
    except InvalidNote:
        return
    assert checkpoint.text == text


@pytest.mark.parametrize(
    "fields",
    [
        {"origin": ""},
        {"origin": "a\nb"},
        {"size": -1},
        {"size": 2**63},
        {"root": b""},
        {"epoch": -1},
        {"extensions": ("",)},
        {"extensions": ("attest/epoch 1",)},
    ],
)
def test_a_checkpoint_that_cannot_be_read_again_is_not_made(fields: dict[str, object]) -> None:
    with pytest.raises(InvalidCheckpoint):
        Checkpoint(**{"origin": "o", "size": 1, "root": ROOT, **fields})  # type: ignore[arg-type]  # wrong on purpose


def test_a_checkpoint_opens_with_the_key_of_its_log_only() -> None:
    log = Signer("example.com/log", Ed25519PrivateKey.generate())
    checkpoint = Checkpoint("example.com/log", 5, ROOT, at=AT, epoch=1)
    note = Note.parse(bytes(sign_note(checkpoint.text, log)))

    assert open_checkpoint(note, [log.key]) == checkpoint
    with pytest.raises(Unverified):
        open_checkpoint(note, [Signer("example.com/log", Ed25519PrivateKey.generate()).key])


def test_a_signed_note_need_not_be_a_checkpoint() -> None:
    log = Signer("example.com/log", Ed25519PrivateKey.generate())

    with pytest.raises(InvalidCheckpoint):
        open_checkpoint(sign_note("no checkpoint\n", log), [log.key])


def test_a_cosignature_is_what_the_specification_says_byte_by_byte() -> None:
    witness = new_cosigner()
    public = witness.private.public_key().public_bytes_raw()
    text = Checkpoint("example.com/log", 5, ROOT, at=AT).text
    before = int(now().timestamp())

    line = str(witness.sign(text))

    _, name, encoded = line.split(" ")
    raw = b64decode(encoded, validate=True)
    timestamp = int.from_bytes(raw[4:12], "big")
    assert name == "witness.example.com/w1"
    assert raw[:4] == sha256(b"witness.example.com/w1\n\x04" + public).digest()[:4]
    assert len(raw) == 4 + 8 + 64
    assert before <= timestamp <= int(now().timestamp())
    message = b"cosignature/v1\ntime " + str(timestamp).encode() + b"\n" + text.encode()
    Ed25519PublicKey.from_public_bytes(public).verify(raw[12:], message)
    assert str(witness.key).endswith(b64encode(b"\x04" + public).decode())


def test_every_altered_byte_of_a_cosigned_checkpoint_is_refused() -> None:
    witness = new_cosigner()
    data = bytes(sign_note(Checkpoint("example.com/log", 5, ROOT).text, witness))

    for at in range(len(data)):
        altered = bytes([*data[:at], data[at] ^ 1, *data[at + 1 :]])
        with pytest.raises(InvalidNote):
            Note.parse(altered).verify([witness.key])


@pytest.mark.parametrize("value", [b"", b"\0" * 8, b"\xff" * 72, b"\0" * 71, b"\0" * 72, b"\0" * 73])
def test_a_cosignature_of_another_form_is_refused(value: bytes) -> None:
    witness = new_cosigner()
    text = Checkpoint("example.com/log", 5, ROOT).text

    with pytest.raises(Unverified):
        witness.key.verify(text, value)


@pytest.mark.parametrize("timestamp", [0, 2**63 - 1, 2**63, 2**64 - 1])
def test_the_time_of_a_cosignature_has_63_bits(timestamp: int) -> None:
    witness = new_cosigner()
    text = Checkpoint("example.com/log", 5, ROOT).text
    value = pack(">Q", timestamp) + witness.private.sign(f"cosignature/v1\ntime {timestamp}\n{text}".encode())

    if timestamp < 2**63:
        witness.key.verify(text, value)
    else:
        with pytest.raises(Unverified, match="out of range"):
            witness.key.verify(text, value)


def test_a_signature_of_one_type_is_none_of_the_other() -> None:
    private = Ed25519PrivateKey.generate()
    log, witness = Signer("example.com/log", private), Cosigner("example.com/log", private)
    text = Checkpoint("example.com/log", 5, ROOT).text
    plain, cosignature = log.sign(text), witness.sign(text)
    passed_off = [
        (log.key, Signature(log.key.name, log.key.id, cosignature.value)),
        (witness.key, Signature(witness.key.name, witness.key.id, pack(">Q", 1) + plain.value)),
    ]

    for key, signature in passed_off:
        with pytest.raises(Unverified):
            Note(text, (signature,)).verify([key])
    with pytest.raises(UnusableKey):
        CosignerKey.parse(str(log.key))
    with pytest.raises(UnusableKey):
        VerifierKey.parse(str(witness.key))
