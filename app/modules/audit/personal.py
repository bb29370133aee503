"""Personal data in the record: AES-256-GCM under a key per person, wrapped by the master key.

Without a person's keys every copy of that data is unreadable, while the rows stay as they are. Nothing destroys keys
yet; a backup that holds `audit_subject_key` holds the keys too.
"""

import base64
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, select

from app.core.repository import table_of
from app.core.types import AnyRow, new_id, now
from app.modules.audit.models import AuditSubjectKey

NONCE_BYTES = 12
ERASED = {"$erased": True}
UNREADABLE = {"$unreadable": True}
keys_table = table_of(AuditSubjectKey)


class WrongMasterKey(RuntimeError):
    """AUDIT__PERSONAL_KEY is not the one that this database was written with."""


@dataclass(frozen=True, slots=True)
class SubjectKey:
    """A key and its name."""

    id: UUID
    key: bytes = field(repr=False)


def wrap(master: bytes, id: UUID, key: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(master).encrypt(nonce, key, id.bytes)


def unwrap(master: bytes, id: UUID, wrapped: bytes) -> bytes:
    """The key named `id`. Raises WrongMasterKey."""
    try:
        return AESGCM(master).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], id.bytes)
    except InvalidTag as error:
        raise WrongMasterKey(f"key {id} was wrapped by another master key") from error


def seal(key: SubjectKey, place: str, plain: Any) -> dict[str, str]:
    """`plain` (a canonical value) as a tagged document, bound to its `place`: entity, id and field."""
    nonce = os.urandom(NONCE_BYTES)
    cipher = nonce + AESGCM(key.key).encrypt(nonce, json.dumps(plain).encode(), place.encode())
    return {"$personal": base64.b64encode(cipher).decode(), "$key": str(key.id)}


def unseal(key: bytes, place: str, sealed: Mapping[str, str]) -> Any:
    """The plain value, or UNREADABLE where `sealed` was moved or altered."""
    raw = base64.b64decode(sealed["$personal"])
    try:
        return json.loads(AESGCM(key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], place.encode()))
    except InvalidTag:
        return UNREADABLE


def subject_keys(connection: Connection, master: bytes, subjects: Iterable[UUID]) -> dict[UUID, SubjectKey]:
    """The newest key of each subject, made where there is none, in the transaction of `connection`."""
    wanted = set(subjects)
    statement = select(keys_table).where(keys_table.c.subject_id.in_(wanted)).order_by(keys_table.c.id)
    found = {row.subject_id: opened(master, row) for row in connection.execute(statement)}
    for subject in sorted(wanted - found.keys()):
        made = SubjectKey(new_id(), AESGCM.generate_key(256))
        wrapped = wrap(master, made.id, made.key)
        row = {"id": made.id, "subject_id": subject, "wrapped_key": wrapped, "created_at": now()}
        connection.execute(keys_table.insert(), row)
        found[subject] = made
    return found


def opened(master: bytes, row: AnyRow) -> SubjectKey:
    return SubjectKey(row.id, unwrap(master, row.id, row.wrapped_key))
