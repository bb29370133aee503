"""Key material: one root secret, one derived key for each purpose, and the key files that development generates."""

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

from app.core.config import Settings


def derive_key(root: str, purpose: str) -> bytes:
    """A 32-byte key for one purpose (HKDF, RFC 5869), so that no two purposes share a key."""
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=f"attest/{purpose}".encode()).derive(
        root.encode()
    )


def load_or_create(path: Path, create: Callable[[], str]) -> str:
    """The content of `path`, created on first use and readable by its owner only. Concurrent processes agree on one."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        draft.touch(mode=0o600)
        draft.write_text(create())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # another process was first; this one uses its key
        finally:
            draft.unlink()
    return path.read_text()


def new_secret() -> str:
    return secrets.token_urlsafe(48)


def secret_of(setting: SecretStr | None, path: Path) -> str:
    """The secret that is set, or else the one of a development machine, created on first use."""
    return (setting.get_secret_value() if setting else "") or load_or_create(path, new_secret)


def new_signing_key() -> str:
    """A new P-256 private key, as PEM."""
    return (
        ec.generate_private_key(ec.SECP256R1())
        .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        .decode()
    )


@dataclass(frozen=True, slots=True)
class MasterKey:
    """A key that wraps other keys. Its identifier is public: neither the key nor its secret can be computed from it."""

    id: str
    key: bytes = field(repr=False)

    @classmethod
    def derive(cls, secret: str, purpose: str) -> "MasterKey":
        """The key for one purpose, and an identifier of 8 bytes that is derived apart from it."""
        return cls(derive_key(secret, f"{purpose}-id")[:8].hex(), derive_key(secret, purpose))


@dataclass(frozen=True)
class Keys:
    """The keys of a process. `repr` shows none of them."""

    cursor: bytes = field(repr=False)
    """Encrypts cursors."""
    refresh: bytes = field(repr=False)
    lookup: bytes = field(repr=False)
    """Hashes identifiers and secrets that are looked up: typed names, API keys, recovery codes."""
    idempotency: bytes = field(repr=False)
    responses: bytes = field(repr=False)
    """Encrypts the stored responses of idempotency keys."""
    personal: tuple[MasterKey, ...] = field(repr=False)
    """The keys of personal data in the audit log are wrapped by the first of them, and unwrapped by all."""
    secret_digest: bytes = field(repr=False)
    """Keys the digests of secrets in the audit log."""
    writer_keys: tuple[bytes, ...] = field(repr=False)
    """Authenticate the entries of the audit log: the first writes, all verify. None where no key is set."""
    second_factor: bytes = field(repr=False)
    webhook: bytes = field(repr=False)
    """Encrypts the secrets by which webhooks are signed."""
    signing_pems: tuple[str, ...] = field(repr=False)

    @classmethod
    def load(cls, settings: Settings) -> "Keys":
        """Read or, outside production, create the secrets that `settings` names."""
        folder = settings.state_dir / "keys"
        root = secret_of(settings.secret_key, folder / "secret_key")
        digests = secret_of(settings.audit.secret_digest_key, folder / "secret_digest_key")
        personal = [secret.get_secret_value() for secret in settings.audit.personal_key]
        personal = personal or load_or_create(folder / "personal_key", new_secret).splitlines()
        pems = tuple(path.read_text() for path in settings.auth.signing_key_files)
        return cls(
            cursor=derive_key(root, "cursor-encryption"),
            refresh=derive_key(root, "refresh-token"),
            lookup=derive_key(root, "identifier-lookup"),
            idempotency=derive_key(root, "idempotency-key"),
            responses=derive_key(root, "stored-answer"),
            personal=tuple(MasterKey.derive(secret, "personal-data") for secret in personal),
            secret_digest=derive_key(digests, "secret-digest"),
            writer_keys=tuple(derive_key(key.get_secret_value(), "writer-mac") for key in settings.audit.writer_key),
            second_factor=derive_key(root, "second-factor"),
            webhook=derive_key(root, "webhook-secret"),
            signing_pems=pems or (load_or_create(folder / "signing_key.pem", new_signing_key),),
        )
