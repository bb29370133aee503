"""Which changes users are told of."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from app.core.db.unit_of_work.change import Change
from app.modules.api_keys import ApiKey
from app.modules.second_factor import SecondFactor
from app.modules.sessions import AuthSession
from app.modules.users import User

NOTICES = "notices"
"""Where the information of a session has what users are to be told."""
SIGN_IN = "password"
"""How a caller is authenticated who signs in. Then a hash with other parameters takes the place of an old one."""


@dataclass(frozen=True)
class Notice:
    """What a user is to be told."""

    user_id: UUID
    text: str
    values: dict[str, str] = field(default_factory=dict)
    to: str | None = None
    """The address, where it is not the present one of the user."""
    sign_in: AuthSession | None = None
    """The session that was opened; the user is told of it if it is unlike earlier ones."""


def notices_of(change: Change, auth_method: str | None) -> Iterator[Notice]:
    """What users are told of `change`."""
    row = change.row
    if isinstance(row, User) and change.action == "update" and row.deleted_at is None:
        if "password_hash" in change.fields and change.before["password_hash"] and auth_method != SIGN_IN:
            yield Notice(row.id, "password-changed")
        if "email" in change.fields:
            yield Notice(row.id, "email-changed", to=change.before["email"])
    elif isinstance(row, SecondFactor) and change.action == "update" and "confirmed_at" in change.fields:
        yield Notice(row.user_id, "factor-added" if row.confirmed_at else "factor-removed")
    elif isinstance(row, ApiKey) and change.action == "create":
        yield Notice(row.user_id, "api-key-made", {"key": f"{row.name} ({row.prefix})"})
    elif isinstance(row, AuthSession) and change.action == "create" and row.ip is not None:
        yield Notice(row.user_id, "new-sign-in", sign_in=row)
