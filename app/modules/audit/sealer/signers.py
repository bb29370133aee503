"""The keys by which a process signs checkpoints. Only the process that seals has them."""

from collections.abc import Mapping, Sequence

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.core.config import Environment, Settings
from app.core.security.keys import load_or_create
from app.modules.audit.seal.note import Signer, UnusableKey
from app.modules.audit.sealer.logs import Log

Signers = Mapping[Log, Sequence[Signer]]
"""The keys of each log. The first signs; an older one signs once more, when the first takes over."""


def load_signers(settings: Settings) -> Signers:
    """The keys that AUDIT__SEAL_KEY_FILES names; outside production, one that is created on first use.

    Raises UnusableKey.
    """
    paths = settings.audit.seal_key_files
    if settings.environment is Environment.production and not (paths and "origin" in settings.audit.model_fields_set):
        raise UnusableKey("to seal in production, AUDIT__SEAL_KEY_FILES and AUDIT__ORIGIN are required")
    if not paths:
        path = settings.state_dir / "keys" / "seal_key.pem"
        load_or_create(path, new_seal_key)
        paths = (path,)
    return {log: [Signer.load(path, log.origin(settings.audit.origin)) for path in paths] for log in Log}


def new_seal_key() -> str:
    """A new Ed25519 private key, as PEM."""
    private = Ed25519PrivateKey.generate()
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
