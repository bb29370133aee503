"""Which changed rows are policy, and on whose accounts they act."""

from collections.abc import Iterable
from uuid import UUID

from app.core.context import RequestContext
from app.core.db.entity import Entity
from app.core.db.unit_of_work.change import Change

IDENTITY = frozenset({"email", "username"})
"""Columns of a user by which users sign in: changing one's own needs a second factor too."""


def changes_policy(row: Entity, change: Change) -> bool:
    """Whether `change` changes policy. Creating a superuser does; creating another user does not."""
    is_new_superuser = change.action == "create" and change.after.get("is_superuser", False)
    return is_new_superuser or change.alters(row.policy_columns)


def target_users(rows: Iterable[tuple[Entity, Change]], context: RequestContext) -> Iterable[UUID]:
    """The users on whom these changes act.

    A session may change its own user, except the columns by which users sign in; an API key may not.
    """
    if context.principal is None:
        return
    has_session = context.principal.session_id is not None
    for row, change in rows:
        if row.target_user_column:
            target: UUID = getattr(row, row.target_user_column)
            if target != context.principal.user_id or not has_session or change.alters(IDENTITY):
                yield target


def opened_accounts(rows: Iterable[tuple[Entity, Change]]) -> Iterable[UUID]:
    """The users as whom these changes let the caller sign in."""
    for row, change in rows:
        if row.target_user_column and change.action != "delete" and change.alters(row.opens_account):
            yield getattr(row, row.target_user_column)
