"""Personal data in the change log: encrypted under a key of each person, which a master key wraps.

Without the keys of a person every copy of that data is unreadable, while the entries stay as they are. Removing the row
of a key destroys it, and leaves a change entry. A backup that holds `audit_subject_key` holds the keys too.
"""

import base64
import json
from collections.abc import Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import bindparam, select

from app.core.clock import new_id, now
from app.core.db.entity import table_of
from app.core.db.session import AnyRow, Session
from app.core.db.unit_of_work.session import is_fresh
from app.core.security.encryption import DecryptionFailed, decrypt, encrypt, new_key
from app.core.security.keys import MasterKey
from app.modules.audit.changes.place import Place
from app.modules.audit.models import AuditSubjectKey
from app.modules.audit.requests.spool import AuditLogUnavailable

log = structlog.get_logger(__name__)

ERASED = {"$erased": True}
UNREADABLE = {"$unreadable": True}
MASKED = {"$masked": True}
"""In place of a value that the caller may not read in the module either."""
keys_table = table_of(AuditSubjectKey)
KEYS_OF = (
    select(keys_table)
    .where(keys_table.c.subject_id.in_(bindparam("subjects", expanding=True)))
    .order_by(keys_table.c.id)
)
"""The keys of some subjects, the newest last."""


@dataclass(frozen=True, slots=True)
class SubjectKey:
    """A key of one person, and its identifier."""

    id: UUID
    key: bytes = field(repr=False)


def wrap(master: MasterKey, key: SubjectKey) -> dict[str, Any]:
    """The columns that hold `key`, wrapped by `master`."""
    return {"wrapped_key": encrypt(master.key, key.key, key.id.bytes), "master_key_id": master.id}


def unwrap(masters: Sequence[MasterKey], row: AnyRow | AuditSubjectKey) -> SubjectKey | None:
    """The key in `row`; None if none of `masters` opens it. A row that does not name its master key may have any."""
    for master in masters:
        if row.master_key_id in (master.id, None):
            with suppress(DecryptionFailed):
                return SubjectKey(row.id, decrypt(master.key, row.wrapped_key, row.id.bytes))
    return None


def unwrap_or_report(masters: Sequence[MasterKey], row: AnyRow) -> SubjectKey | None:
    """The same. What cannot be opened is logged with the master key that it needs."""
    key = unwrap(masters, row)
    if key is None:
        log.error("wrong_master_key", key_id=str(row.id), master_key_id=row.master_key_id)
    return key


def encrypt_value(key: SubjectKey, place: Place, plain: object) -> dict[str, str]:
    """`plain` (a canonical value) as a tagged document, which cannot be decrypted for another place."""
    ciphertext = encrypt(key.key, json.dumps(plain).encode(), place.context)
    return {"$personal": base64.b64encode(ciphertext).decode(), "$key": str(key.id)}


def decrypt_value(key: SubjectKey, place: Place, document: Mapping[str, str]) -> Any:
    """The plain value, or UNREADABLE for a document that was moved or altered."""
    try:
        return json.loads(decrypt(key.key, base64.b64decode(document["$personal"]), place.context))
    except (ValueError, TypeError):  # DecryptionFailed, or no base64
        return UNREADABLE


async def subject_keys(
    session: Session, masters: Sequence[MasterKey], subjects: Set[UUID], born: Set[UUID]
) -> tuple[dict[UUID, SubjectKey], list[AuditSubjectKey]]:
    """The newest key of each subject, and the rows to add for those that had none. Who is `born` only now has none.

    Raises AuditLogUnavailable.
    """
    keys: dict[UUID, SubjectKey] = {}
    if known := subjects - born:
        values = {"subjects": list(known)}
        rows = await session.look(KEYS_OF, values) if is_fresh(session) else await session.run(KEYS_OF, values)
        keys = {row.subject_id: load_key(masters, row) for row in rows}
    added = []
    for subject in sorted(subjects - keys.keys()):
        key = keys[subject] = SubjectKey(new_id(), new_key())
        added.append(AuditSubjectKey(id=key.id, subject_id=subject, created_at=now(), **wrap(masters[0], key)))
    return keys, added


def load_key(masters: Sequence[MasterKey], row: AnyRow) -> SubjectKey:
    """The key in `row`. Raises AuditLogUnavailable: a new key instead would hide that a master key is missing."""
    key = unwrap_or_report(masters, row)
    if key is None:
        raise AuditLogUnavailable("The change log cannot take this change; its operator has to look at it.")
    return key
