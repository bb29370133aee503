"""Signed notes (C2SP signed-note): a text, and lines with signatures of it by named Ed25519 keys."""

from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import ClassVar, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

MAX_NOTE_BYTES = 128 * 1024
MAX_SIGNATURES = 64
"""A reader must accept 16 signatures at least; those of post-quantum keys have almost 5 kB."""
SIGNATURE_MARK = "— "
ID_BYTES = 4
PUBLIC_KEY_BYTES = 32


class InvalidNote(ValueError):
    """A note, or a part of one, is not written as the format says."""


class Unverified(InvalidNote):
    """No known key signed the note, or the signature of a known key is wrong."""


class UnusableKey(ValueError):
    """A key that was configured cannot be used."""


def decode_base64(text: str) -> bytes:
    """Decode standard base64. Raises InvalidNote for every spelling but the canonical one."""
    try:
        raw = b64decode(text, validate=True)
    except ValueError as error:
        raise InvalidNote("not base64") from error
    if b64encode(raw).decode() != text:
        raise InvalidNote("not canonical base64")
    return raw


def check_name(name: str) -> None:
    if not name or "+" in name or any(character.isspace() or character < " " for character in name):
        raise InvalidNote("the name of a key is not empty and has neither spaces nor +")


@dataclass(frozen=True)
class VerifierKey:
    """A named public key for Ed25519 signatures of a note's text (type 0x01). Raises UnusableKey."""

    kind: ClassVar[int] = 0x01
    """The type of its signatures."""

    name: str
    public: bytes

    def __post_init__(self) -> None:
        try:
            check_name(self.name)
        except InvalidNote as error:
            raise UnusableKey(str(error)) from error
        if len(self.public) != PUBLIC_KEY_BYTES:
            raise UnusableKey(f"a public key has {PUBLIC_KEY_BYTES} bytes")

    @cached_property
    def id(self) -> bytes:
        """What its signatures begin with. It is short, and only finds the key."""
        return sha256(self.name.encode() + b"\n" + self.material).digest()[:ID_BYTES]

    @property
    def material(self) -> bytes:
        return bytes([self.kind]) + self.public

    def __str__(self) -> str:
        """The verifier key as text, `name+id+key`, which `parse` reads."""
        return f"{self.name}+{self.id.hex()}+{b64encode(self.material).decode()}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a verifier key of this type. Raises UnusableKey."""
        name, _, rest = text.partition("+")
        material = rest.partition("+")[2]
        try:
            key = cls(name, decode_base64(material)[1:])
        except (InvalidNote, UnusableKey) as error:
            raise UnusableKey(f"the verifier key {text!r} is malformed: {error}") from error
        if str(key) != text:
            raise UnusableKey(f"{text!r} is not the verifier key of a signature of type {cls.kind:#04x}")
        return key

    def verify(self, text: str, signature: bytes) -> None:
        """Raises Unverified unless this key signed `text`."""
        self.verify_bytes(text.encode(), signature)

    def verify_bytes(self, message: bytes, signature: bytes) -> None:
        """Raises Unverified unless `signature` is the Ed25519 signature of `message` by this key."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature as error:
            raise Unverified(f"the signature of {self.name} is wrong") from error


@dataclass(frozen=True)
class Signature:
    """A signature, as it stands in a note."""

    name: str
    id: bytes
    value: bytes

    def __str__(self) -> str:
        """The line of a note, without its end."""
        return f"{SIGNATURE_MARK}{self.name} {b64encode(self.id + self.value).decode()}"

    @classmethod
    def parse(cls, line: str) -> Self:
        """Read a line. Raises InvalidNote."""
        name, _, encoded = line.removeprefix(SIGNATURE_MARK).partition(" ")
        check_name(name)
        raw = decode_base64(encoded)
        signature = cls(name, raw[:ID_BYTES], raw[ID_BYTES:])
        if not signature.value or str(signature) != line:
            raise InvalidNote("a line is no signature")
        return signature


class Signer:
    """A private key that signs notes under a name."""

    key_type: ClassVar[type[VerifierKey]] = VerifierKey

    def __init__(self, name: str, private: Ed25519PrivateKey) -> None:
        self.key = self.key_type(name, private.public_key().public_bytes_raw())
        self.private = private

    @classmethod
    def load(cls, path: Path, name: str) -> Self:
        """Read an Ed25519 private key from a PEM file (PKCS#8, not encrypted). Raises UnusableKey."""
        try:
            private = load_pem_private_key(path.read_bytes(), password=None)
        except OSError as error:
            raise UnusableKey(f"{path} cannot be read: {error.strerror}") from error
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise UnusableKey(f"{path} holds no private key in PEM that is not encrypted") from error
        if not isinstance(private, Ed25519PrivateKey):
            raise UnusableKey(f"{path} holds a private key that is not of Ed25519")
        return cls(name, private)

    def sign(self, text: str) -> Signature:
        """A signature of the text of a note."""
        return Signature(self.key.name, self.key.id, self.sign_text(text))

    def sign_text(self, text: str) -> bytes:
        return self.sign_bytes(text.encode())

    def sign_bytes(self, message: bytes) -> bytes:
        """The Ed25519 signature of `message`."""
        return self.private.sign(message)


@dataclass(frozen=True)
class Note:
    """A text with its signatures, which nothing has verified yet. Raises InvalidNote."""

    text: str
    signatures: tuple[Signature, ...] = ()

    def __post_init__(self) -> None:
        if not self.text.endswith("\n") or has_control_characters(self.text):
            raise InvalidNote("the text of a note ends with a newline and has no other control characters")

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a note. Raises InvalidNote."""
        if len(data) > MAX_NOTE_BYTES:
            raise InvalidNote(f"a note has at most {MAX_NOTE_BYTES} bytes")
        try:
            text, blank, lines = data.decode().rpartition("\n\n")
        except UnicodeDecodeError as error:
            raise InvalidNote("a note is UTF-8") from error
        if not blank:
            raise InvalidNote("a note has a blank line between its text and its signatures")
        return cls(text + "\n", parse_signatures(lines))

    def __bytes__(self) -> bytes:
        lines = "".join(f"{signature}\n" for signature in self.signatures)
        return f"{self.text}\n{lines}".encode()

    def add(self, *signatures: Signature) -> Self:
        """The note with more signatures."""
        return replace(self, signatures=(*self.signatures, *signatures))

    def verify(self, keys: Iterable[VerifierKey]) -> list[Signature]:
        """The signatures by `keys`. Those of other keys say nothing and are ignored.

        Raises Unverified where there is none by these keys, or a wrong one.
        """
        known = {(key.name, key.id): key for key in keys}
        verified = [signature for signature in self.signatures if (signature.name, signature.id) in known]
        for signature in verified:
            known[signature.name, signature.id].verify(self.text, signature.value)
        if not verified:
            raise Unverified("no known key signed the note")
        return verified


def sign_note(text: str, *signers: Signer) -> Note:
    """A note with a signature of each signer. Raises InvalidNote for text that no note may have."""
    return Note(text).add(*(signer.sign(text) for signer in signers))


def parse_signatures(lines: str) -> tuple[Signature, ...]:
    """Read lines with one signature each. Raises InvalidNote."""
    found = lines.split("\n")
    if found.pop() or not found:
        raise InvalidNote("signatures are one or more lines, each with its end")
    if len(found) > MAX_SIGNATURES:
        raise InvalidNote(f"a note has at most {MAX_SIGNATURES} signatures")
    return tuple(map(Signature.parse, found))


def has_control_characters(text: str) -> bool:
    return any(character < " " and character != "\n" for character in text)
