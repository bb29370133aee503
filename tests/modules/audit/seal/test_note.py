"""Signed notes: published examples, strict reading, and what is refused."""

from base64 import b64decode, b64encode
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from app.modules.audit.seal.note import (
    MAX_NOTE_BYTES,
    MAX_SIGNATURES,
    InvalidNote,
    Note,
    Signature,
    Signer,
    UnusableKey,
    Unverified,
    VerifierKey,
    decode_base64,
    sign_note,
)

SPECIFICATION_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SPECIFICATION_NOTE = (
    "This is an example message.\n\n— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
"""The example of the specification."""
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_PRIVATE_KEY = b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
GO_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
GO_NOTE = (
    f"{GO_TEXT}\n— PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
"""The example of the documentation of Go's `sumdb/note`."""
TEXT = "first line\n\nthird line\n"


def new_signer(name: str = "example.com/log") -> Signer:
    return Signer(name, Ed25519PrivateKey.generate())


def pem_of(
    private: Ed25519PrivateKey | ec.EllipticCurvePrivateKey, encryption: KeySerializationEncryption | None = None
) -> bytes:
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())


@pytest.mark.parametrize(
    ("key", "note"), [(SPECIFICATION_KEY, SPECIFICATION_NOTE), (GO_KEY, GO_NOTE)], ids=["specification", "go"]
)
def test_published_notes_verify(key: str, note: str) -> None:
    parsed = Note.parse(note.encode())

    assert [signature.name for signature in parsed.verify([VerifierKey.parse(key)])] == [key.partition("+")[0]]
    assert str(VerifierKey.parse(key)) == key
    assert bytes(parsed) == note.encode()


def test_the_published_private_key_makes_the_published_note() -> None:
    signer = Signer("PeterNeumann", Ed25519PrivateKey.from_private_bytes(GO_PRIVATE_KEY))

    assert str(signer.key) == GO_KEY
    assert bytes(sign_note(GO_TEXT, signer)) == GO_NOTE.encode()


def test_a_note_is_what_the_specification_says_byte_by_byte() -> None:
    signer = new_signer("example.com/log")
    public = signer.private.public_key().public_bytes_raw()

    data = bytes(sign_note(TEXT, signer))

    text, _, line = data.rpartition(b"\n\n")
    assert text + b"\n" == TEXT.encode()
    mark, name, encoded = line.removesuffix(b"\n").split(b" ")
    assert (mark, name) == (b"\xe2\x80\x94", b"example.com/log")
    raw = b64decode(encoded, validate=True)
    assert raw[:4] == sha256(b"example.com/log\n\x01" + public).digest()[:4]
    Ed25519PublicKey.from_public_bytes(public).verify(raw[4:], TEXT.encode())
    assert str(signer.key) == f"example.com/log+{raw[:4].hex()}+{b64encode(bytes([1]) + public).decode()}"


def test_signatures_of_unknown_keys_are_ignored() -> None:
    log, other, forger = new_signer(), new_signer("example.com/other"), new_signer()
    same_name = Signature("example.com/log", b"\0\0\0\0", b"\0" * 64)
    same_id = Signature("example.com/else", log.key.id, b"\0" * 64)
    note = sign_note(TEXT, other, log, forger).add(same_name, same_id)

    assert note.verify([log.key]) == [log.sign(TEXT)]
    assert note.verify([log.key, other.key]) == [other.sign(TEXT), log.sign(TEXT)]
    with pytest.raises(Unverified):
        note.verify([new_signer().key])
    with pytest.raises(Unverified):
        note.verify([])


def test_a_wrong_signature_of_a_known_key_is_refused_beside_a_right_one() -> None:
    log, other = new_signer(), new_signer("example.com/other")
    wrong = Signature(other.key.name, other.key.id, b"\0" * 64)

    with pytest.raises(Unverified, match=r"example\.com/other"):
        sign_note(TEXT, log).add(wrong).verify([log.key, other.key])


def test_every_altered_byte_is_refused() -> None:
    signer = new_signer()
    data = bytes(sign_note(TEXT, signer))

    for at in range(len(data)):
        for bit in range(8):
            altered = bytes([*data[:at], data[at] ^ 1 << bit, *data[at + 1 :]])
            with pytest.raises(InvalidNote):
                Note.parse(altered).verify([signer.key])


LINE = "— a AAAAAAA=\n"


@pytest.mark.parametrize(
    "data",
    [
        "",
        "text\n",
        "text\n\n",
        f"text\n{LINE}",
        f"\n{LINE}",
        f"text\r\n\n{LINE}",
        f"te\0xt\n\n{LINE}",
        f"text\n\n{LINE}\n",
        f"text\n\n{LINE}"[:-1],
        f"text\n\n {LINE}",
        f"text\n\n{LINE}text\n",
        "text\n\n- a AAAAAAA=\n",
        "text\n\n—a AAAAAAA=\n",
        "text\n\n— aAAAAAAA=\n",
        "text\n\n—  AAAAAAA=\n",
        "text\n\n— a+b AAAAAAA=\n",
        "text\n\n— a\u2003b AAAAAAA=\n",
        "text\n\n— a b AAAAAAA=\n",
        "text\n\n— a AAAAAAA= \n",
        "text\n\n— a AAAAAAA\n",
        "text\n\n— a AAAAAAB=\n",
        "text\n\n— a AAAA_AA=\n",
        "text\n\n— a AAAAAA==\n",
        "text\n\n— a \n",
        f"text\n\n{LINE * (MAX_SIGNATURES + 1)}",
        f"{'x' * MAX_NOTE_BYTES}\n\n{LINE}",
    ],
)
def test_a_malformed_note_is_refused(data: str) -> None:
    with pytest.raises(InvalidNote):
        Note.parse(data.encode())


def test_a_note_is_utf8() -> None:
    with pytest.raises(InvalidNote):
        Note.parse(b"\xff\n\n" + LINE.encode())


@pytest.mark.parametrize("text", ["", "no end", "a tab\t\n", "a\rb\n"])
def test_no_note_has_such_a_text(text: str) -> None:
    with pytest.raises(InvalidNote):
        sign_note(text, new_signer())


def test_sixteen_large_signatures_are_read() -> None:
    signer = new_signer()
    large = [Signature(f"example.com/{number}", b"\0\0\0\1", b"\0" * 5000) for number in range(15)]

    parsed = Note.parse(bytes(sign_note(TEXT, signer).add(*large)))

    assert len(parsed.signatures) == 16
    assert len(parsed.verify([signer.key])) == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com/foo",
        "example.com/foo+530d903a",
        SPECIFICATION_KEY + "A",
        SPECIFICATION_KEY[:-1],
        SPECIFICATION_KEY.replace("530d903a", "530D903A"),
        SPECIFICATION_KEY.replace("530d903a", "530d903b"),
        SPECIFICATION_KEY.replace("foo", "bar"),
        SPECIFICATION_KEY.replace("example.com/foo", ""),
        SPECIFICATION_KEY.replace("foo", "f oo"),
        SPECIFICATION_KEY.replace("+Ae", "+Be"),
        f"{SPECIFICATION_KEY}\n",
    ],
)
def test_a_malformed_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(UnusableKey):
        VerifierKey.parse(text)


def test_a_key_is_read_from_a_pem_file(tmp_path: Path) -> None:
    private = Ed25519PrivateKey.generate()
    (tmp_path / "key.pem").write_bytes(pem_of(private))

    signer = Signer.load(tmp_path / "key.pem", "example.com/log")

    assert signer.key == Signer("example.com/log", private).key
    assert "PRIVATE" not in repr(signer)


def test_other_files_are_no_keys(tmp_path: Path) -> None:
    contents = {
        "curve": pem_of(ec.generate_private_key(ec.SECP256R1())),
        "encrypted": pem_of(Ed25519PrivateKey.generate(), BestAvailableEncryption(b"secret")),
        "cut": pem_of(Ed25519PrivateKey.generate())[:-40],
        "empty": b"",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)

    for name in (*contents, "missing", "."):
        with pytest.raises(UnusableKey, match=str(tmp_path)):
            Signer.load(tmp_path / name, "example.com/log")


def test_a_name_must_be_one(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(pem_of(Ed25519PrivateKey.generate()))

    for name in ("", "a b", "a+b", "a\n"):
        with pytest.raises(UnusableKey):
            Signer.load(tmp_path / "key.pem", name)


@pytest.mark.parametrize("text", ["AA", "AAA", "AA=A", "AB==", "A A=", "AA==\n", "AA__", "é==="])
def test_base64_has_one_spelling(text: str) -> None:
    with pytest.raises(InvalidNote):
        decode_base64(text)
