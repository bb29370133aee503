"""What a change of the policy gives and takes, for its record, and permissions in words."""

from typing import Any

from app.core.context import EVERYTHING
from app.core.db.session import AnyRow
from app.modules.roles import HeldPermissions


def effect_on(row: AnyRow, before: HeldPermissions, after: HeldPermissions) -> dict[str, Any] | None:
    """The permissions that the user in `row` gains and loses now; None if there are none."""
    gained, lost = sorted(after.effective - before.effective), sorted(before.effective - after.effective)
    if not gained and not lost:
        return None
    return {"user_id": str(row.id), "username": row.username, "gained": gained, "lost": lost}


def describe(permissions: list[str]) -> str:
    """Permissions in the words of an error."""
    return ", ".join("everything, as a superuser does" if name == EVERYTHING else name for name in permissions)
