"""Verify a folder of audit evidence: python verify_audit.py [--key FILE] [FOLDER]

It needs Python 3.9 or newer and the package `cryptography`, and no other file of the application. FILE holds the
verifier keys that you trust, `name+id+key`, one on each line, from another source than this folder: without it, only
the keys in the folder are used, which prove nothing if they were forged together with it.

Exit code: 0 the entries are what was sealed, 1 they are not, 2 it cannot tell.
"""

import argparse
import base64
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Signatures = list[tuple[str, bytes, bytes]]
"""Name, short identifier and signature of each."""
Keys = dict[tuple[str, bytes], Ed25519PublicKey]
"""By name and short identifier."""
SIGNED, COSIGNED = 0x01, 0x04
"""The types of keys: of a log, and of a witness (C2SP signed-note, tlog-cosignature)."""


class Forged(Exception):
    """Something is not what was sealed."""


def read_keys(text: str, kind: int) -> Keys:
    """The keys of one type, by their name and short identifier."""
    keys: Keys = {}
    for line in text.split():
        name, short, encoded = line.split("+", 2)
        material = base64.b64decode(encoded, validate=True)
        found = hashlib.sha256(name.encode() + b"\n" + material).hexdigest()[:8]
        if found != short:
            raise Forged(f"the key {name} has another identifier than it says")
        if material[0] == kind:
            keys[name, bytes.fromhex(short)] = Ed25519PublicKey.from_public_bytes(material[1:])
    return keys


def read_note(data: bytes) -> tuple[str, Signatures]:
    """The text of a signed note, and its signatures as (name, short identifier, signature)."""
    text, _, lines = data.decode().rpartition("\n\n")
    signatures = []
    for line in lines.splitlines():
        _, name, encoded = line.split(" ")
        raw = base64.b64decode(encoded, validate=True)
        signatures.append((name, raw[:4], raw[4:]))
    return text + "\n", signatures


def verify_signatures(text: str, signatures: Signatures, keys: Keys) -> list[str]:
    """The names of the keys that signed the text. Raises Forged for a wrong signature of a known key."""
    names = []
    for name, short, signature in signatures:
        key = keys.get((name, short))
        if key is None:
            continue
        try:
            key.verify(signature, text.encode())
        except InvalidSignature:
            raise Forged(f"the signature of {name} is wrong") from None
        names.append(name)
    return names


def verify_cosignatures(text: str, signatures: Signatures, keys: Keys) -> list[tuple[str, int]]:
    """The names of the witnesses that cosigned the text, each with its time in seconds since 1970."""
    witnessed = []
    for name, short, signature in signatures:
        key = keys.get((name, short))
        if key is None:
            continue
        at = int.from_bytes(signature[:8], "big")
        try:
            key.verify(signature[8:], f"cosignature/v1\ntime {at}\n{text}".encode())
        except InvalidSignature:
            raise Forged(f"the cosignature of {name} is wrong") from None
        witnessed.append((name, at))
    return witnessed


def leaf_hash(entry: bytes) -> bytes:
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def root_of(leaves: dict[int, bytes], nodes: dict[tuple[int, int], bytes], begin: int, end: int) -> bytes:
    """The root over the leaves from `begin` to before `end` (RFC 9162, 2.1.1).

    `leaves` are those of the entries, by index. A part of the tree without any of them is in `nodes`, by its range.
    """
    if (begin, end) in nodes:
        return nodes[begin, end]
    if end - begin == 1:
        if begin not in leaves:
            raise Forged(f"the proof lacks entry {begin + 1}")
        return leaves[begin]
    middle = begin + (1 << (end - begin - 1).bit_length() - 1)
    return node_hash(root_of(leaves, nodes, begin, middle), root_of(leaves, nodes, middle, end))


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def read_leaves(folder: Path) -> dict[int, bytes]:
    """The hash of each entry, by its index; entries stand in the order of their places."""
    leaves: dict[int, bytes] = {}
    last = 0
    for line in read_lines(folder / "entries.ndjson"):
        if line["seq"] <= last:
            raise Forged(f"entry {line['seq']} stands behind entry {last}")
        last = line["seq"]
        json.loads(line["entry"])
        leaves[last - 1] = leaf_hash(line["entry"].encode())
    return leaves


def check_ranges(leaves: list[int], ranges: list[tuple[int, int]]) -> None:
    """Raises Forged where a given hash stands for an entry of the evidence, which would then not be verified."""
    at = 0
    for begin, end in ranges:
        while at < len(leaves) and leaves[at] < begin:
            at += 1
        if at < len(leaves) and leaves[at] < end:
            raise Forged(f"the proof replaces entry {leaves[at] + 1} by a hash")


def check_redactions(folder: Path) -> None:
    """Raises Forged where redactions are not those of the version that entries name, which is a part of their hash."""
    for version, document in json.loads((folder / "redactions.json").read_text(encoding="utf-8")).items():
        if hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:16] != version:
            raise Forged(f"the redactions of version {version} are not those that entries name")


def verify(folder: Path, key_file: Path | None) -> Iterator[str]:
    """Lines that say what was verified. Raises Forged."""
    text, signatures = read_note((folder / "checkpoint.txt").read_bytes())
    origin, size, root = text.split("\n")[:3]
    keys = read_keys((key_file or folder / "keys.txt").read_text(encoding="utf-8"), SIGNED)
    names = verify_signatures(text, signatures, keys)
    if origin not in names:
        raise Forged(f"no {'trusted key' if key_file else 'key in keys.txt'} of {origin} signed the checkpoint")
    leaves = read_leaves(folder)
    nodes = {(n["begin"], n["end"]): base64.b64decode(n["hash"]) for n in read_lines(folder / "nodes.ndjson")}
    check_ranges(sorted(leaves), sorted(nodes))
    if root_of(leaves, nodes, 0, int(size)) != base64.b64decode(root):
        raise Forged("the entries do not lead to the root that was signed")
    check_redactions(folder)
    yield f"{len(leaves)} entries of {origin} are what was sealed, in a log of {size} entries."
    witnesses = (key_file or folder / "witnesses.txt").read_text(encoding="utf-8")
    for name, at in verify_cosignatures(text, signatures, read_keys(witnesses, COSIGNED)):
        yield f"The witness {name} has confirmed this log at {at} seconds after 1970."
    if key_file is None:
        yield "The keys came with the evidence. Compare them with those that you got elsewhere, or give --key."


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent)
    parser.add_argument("--key", type=Path, metavar="FILE")
    options = parser.parse_args()
    try:
        lines = list(verify(options.folder, options.key))
    except Forged as error:
        print(f"Forged: {error}.")
        return 1
    except Exception as error:
        print(f"Cannot tell: {type(error).__name__}: {error}")
        return 2
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
