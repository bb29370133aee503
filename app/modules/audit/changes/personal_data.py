"""Personal data in the change log: encrypted under a key of each person, which the master key wraps.

Without the keys of a person every copy of that data is unreadable, while the entries stay as they are. Nothing destroys
keys yet; a backup that holds `audit_subject_key` holds the keys too.
"""

import base64
import json
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.core.clock import new_id, now
from app.core.db.entity import table_of
from app.core.db.session import AnyRow, Session
from app.core.db.unit_of_work.session import is_fresh
from app.core.security.encryption import DecryptionFailed, decrypt, encrypt, new_key
from app.modules.audit.models import AuditSubjectKey

ERASED = {"$erased": True}
UNREADABLE = {"$unreadable": True}
keys_table = table_of(AuditSubjectKey)


class WrongMasterKey(RuntimeError):
    """AUDIT__PERSONAL_KEY is not the one that this database was written with."""


@dataclass(frozen=True, slots=True)
class SubjectKey:
    """A key of one person, and its identifier."""

    id: UUID
    key: bytes = field(repr=False)


def unwrap(master: bytes, id: UUID, wrapped: bytes) -> bytes:
    """The key named `id`. Raises WrongMasterKey."""
    try:
        return decrypt(master, wrapped, id.bytes)
    except DecryptionFailed as error:
        raise WrongMasterKey(f"key {id} was wrapped by another master key") from error


def encrypt_value(key: SubjectKey, place: str, plain: object) -> dict[str, str]:
    """`plain` (a canonical value) as a tagged document, bound to its `place`: entity, id and field."""
    ciphertext = encrypt(key.key, json.dumps(plain).encode(), place.encode())
    return {"$personal": base64.b64encode(ciphertext).decode(), "$key": str(key.id)}


def decrypt_value(key: bytes, place: str, document: Mapping[str, str]) -> Any:
    """The plain value, or UNREADABLE for a document that was moved or altered."""
    try:
        return json.loads(decrypt(key, base64.b64decode(document["$personal"]), place.encode()))
    except DecryptionFailed:
        return UNREADABLE


async def subject_keys(
    session: Session, master: bytes, subjects: Set[UUID], born: Set[UUID]
) -> tuple[dict[UUID, SubjectKey], list[AuditSubjectKey]]:
    """The newest key of each subject, and the rows to add for those that had none. Who is `born` only now has none."""
    keys: dict[UUID, SubjectKey] = {}
    if known := subjects - born:
        statement = select(keys_table).where(keys_table.c.subject_id.in_(known)).order_by(keys_table.c.id)
        rows = await session.look(statement) if is_fresh(session) else await session.run(statement)
        keys = {row.subject_id: load_key(master, row) for row in rows}
    added = []
    for subject in sorted(subjects - keys.keys()):
        key = keys[subject] = SubjectKey(new_id(), new_key())
        wrapped = encrypt(master, key.key, key.id.bytes)
        added.append(AuditSubjectKey(id=key.id, subject_id=subject, wrapped_key=wrapped, created_at=now()))
    return keys, added


def load_key(master: bytes, row: AnyRow) -> SubjectKey:
    return SubjectKey(row.id, unwrap(master, row.id, row.wrapped_key))


def place_of(entity: str, entity_id: str, field: str) -> str:
    """The place of an encrypted value, which cannot be decrypted for another place."""
    return f"{entity}/{entity_id}/{field}"
