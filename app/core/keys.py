"""Key material: one root secret, one derived key a purpose, and files that development makes for itself."""

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.core.config import Settings


def derived(root: str, purpose: str) -> bytes:
    """32 bytes for one purpose (HKDF, RFC 5869), so that no two uses share a key."""
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=f"attest/{purpose}".encode()).derive(
        root.encode()
    )


def kept(path: Path, make: Callable[[], str]) -> str:
    """What `path` holds, made on first use and readable by its owner only; two processes that start at once agree."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        draft.touch(mode=0o600)
        draft.write_text(make())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # another process was first; its key is the key
        finally:
            draft.unlink()
    return path.read_text()


def new_signing_key() -> str:
    return (
        ec.generate_private_key(ec.SECP256R1())
        .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        .decode()
    )


@dataclass(frozen=True)
class Keys:
    """The derived keys of a process. Nothing here is ever shown."""

    cursor: bytes = field(repr=False)
    refresh: bytes = field(repr=False)
    lookup: bytes = field(repr=False)
    idempotency: bytes = field(repr=False)
    answers: bytes = field(repr=False)
    personal: bytes = field(repr=False)
    second_factor: bytes = field(repr=False)
    signing_pems: tuple[str, ...] = field(repr=False)

    @classmethod
    def load(cls, settings: Settings) -> "Keys":
        """Read or, outside production, make the secrets that `settings` names."""
        folder = settings.state_dir / "keys"
        root = settings.secret_key.get_secret_value() or kept(folder / "secret_key", lambda: secrets.token_urlsafe(48))
        personal = settings.audit.personal_key
        personal_root = (
            personal.get_secret_value()
            if personal
            else kept(folder / "personal_key", lambda: secrets.token_urlsafe(48))
        )
        pems = tuple(path.read_text() for path in settings.auth.signing_key_files)
        return cls(
            cursor=derived(root, "cursor"),
            refresh=derived(root, "refresh-token"),
            lookup=derived(root, "identifier-lookup"),
            idempotency=derived(root, "idempotency-key"),
            answers=derived(root, "stored-answer"),
            personal=derived(personal_root, "personal-data"),
            second_factor=derived(root, "second-factor"),
            signing_pems=pems or (kept(folder / "signing_key.pem", new_signing_key),),
        )
