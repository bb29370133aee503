"""The one query that finds what a credential (a session or an API key) may do, and its result as a principal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, bindparam, select, true

from app.core.clock import now
from app.core.config import AuthSettings
from app.core.context import EVERYTHING, Principal, Restriction
from app.core.db.entity import table_of
from app.core.db.session import AnyRow, AnySelect
from app.core.errors import Forbidden
from app.modules.api_keys import ApiKey
from app.modules.rbac.models import SecurityState
from app.modules.rbac.repository import policy
from app.modules.roles import (
    Condition,
    admit_address,
    conditions_in,
    current_conditions,
    grant_paths,
    grant_paths_in,
    held_permissions,
    next_change,
    require_second_factor,
    select_conditions,
)
from app.modules.second_factor import SecondFactor
from app.modules.sessions import AuthSession, SessionUse
from app.modules.users import User

sessions, session_uses, api_keys = table_of(AuthSession), table_of(SessionUse), table_of(ApiKey)
factors, users, state = table_of(SecondFactor), table_of(User), table_of(SecurityState)


class PasswordChangeRequired(Forbidden):
    """The password was set by an administrator, and must be changed before anything else."""

    code = "password-change-required"
    remedy = "Change the password: `POST /api/v1/auth/me/password`."


class SecondFactorRequired(Forbidden):
    """A role of the user asks for a second factor, or the settings ask it of superusers, and the user has none."""

    code = "second-factor-required"
    remedy = "Enrol a second factor: `POST /api/v1/auth/me/second-factor`."


class NetworkNotAllowed(Forbidden):
    """A role of the user admits calls from certain networks only, and this one is from elsewhere."""

    code = "network-not-allowed"
    remedy = "Call from a network that all of your roles admit, or ask an administrator which those are."


CHANGE_PASSWORD = "Change your password first: POST /api/v1/auth/me/password."  # noqa: S105  # a sentence
ENROL = "Enrol a second factor first: POST /api/v1/auth/me/second-factor."
PASSWORD_CHANGE = Restriction(PasswordChangeRequired, CHANGE_PASSWORD, "password")
SECOND_FACTOR = Restriction(SecondFactorRequired, ENROL, "second-factor")


@dataclass(frozen=True, slots=True)
class Access:
    """A principal as of security event `sequence` and policy `version`, valid from `fresh_from` to `fresh_until`.

    A clock that steps back before `fresh_from` makes it invalid: other assignments may be active then.
    """

    principal: Principal
    sequence: int
    version: int
    fresh_from: datetime
    fresh_until: datetime
    base: int = 0
    known: frozenset[int] = frozenset()
    """Generations of the session's tokens that are confirmed: these, and all up to `base`."""
    key: AnyRow | None = None
    conditions: tuple[Condition, ...] = ()
    """What the roles of the user ask now."""

    def check_address(self, ip: str | None) -> None:
        """Raise NetworkNotAllowed for a request from an address that a role of the user does not admit."""
        if not admit_address(ip, self.conditions):
            raise NetworkNotAllowed("A role of yours does not admit calls from this address.")


def access(credential: Table, *columns: ColumnElement[Any]) -> AnySelect:
    """Rows with the grant paths of the owner of `credential` and what roles ask; none where the owner may not act.

    There is one for each pair of a path and a condition, at least one. Few roles ask for anything.
    """
    path, condition = grant_paths().subquery("path"), select_conditions().subquery("condition")
    owner = and_(users.c.id == credential.c.user_id, users.c.is_active, users.c.deleted_at.is_(None))
    return (
        select(
            credential.c.id, credential.c.user_id, users.c.username, users.c.is_superuser, users.c.must_change_password,
            factors.c.confirmed_at, policy.c.version, state.c.sequence, *columns, *condition.c, *path.c
        )
        .select_from(credential)
        .join(users, owner)
        .join(policy, true())
        .join(state, true())
        .join(factors, and_(factors.c.user_id == users.c.id, factors.c.confirmed_at.is_not(None)), isouter=True)
        .join(condition, condition.c.condition_user_id == users.c.id, isouter=True)
        .join(path, path.c.user_id == users.c.id, isouter=True)
        .where(credential.c.revoked_at.is_(None))
    )  # fmt: skip


def access_of_session() -> AnySelect:
    columns = (sessions.c.expires_at, sessions.c.verified_at, session_uses.c.base, session_uses.c.confirmed)
    signed_in_since = sessions.c.previous_sign_out_at.is_not_distinct_from(users.c.signed_out_at)
    with_use = access(sessions, *columns).join(session_uses, session_uses.c.id == sessions.c.id)
    return with_use.where(sessions.c.id == bindparam("id"), signed_in_since)


def access_of_keys() -> AnySelect:
    shown = ("name", "secret_hash", "scopes", "allowed_addresses", "expires_at")
    return access(api_keys, *(api_keys.c[name].label(f"key_{name}") for name in shown))


ACCESS_OF_SESSION = access_of_session()
"""The access of the session `id`."""
ACCESS_OF_PREFIX = access_of_keys().where(api_keys.c.prefix == bindparam("prefix"))
"""The access of the API key with a `prefix`."""
ACCESS_OF_KEY = access_of_keys().where(api_keys.c.id == bindparam("id"))
"""The access of the API key `id`."""


def restriction_of(row: AnyRow, asked: Sequence[Condition], settings: AuthSettings) -> Restriction | None:
    """The action that the user must take first."""
    if row.must_change_password:
        return PASSWORD_CHANGE
    needs_factor = row.is_superuser and settings.superusers_need_second_factor
    if row.confirmed_at is None and (needs_factor or require_second_factor(asked)):
        return SECOND_FACTOR
    return None


def session_access(rows: Sequence[AnyRow], settings: AuthSettings) -> Access:
    """The access of a session."""
    first, at = rows[0], now()
    paths, conditions = grant_paths_in(rows), conditions_in(rows)
    asked = tuple(current_conditions(conditions, at))
    held = held_permissions(paths, at, is_superuser=first.is_superuser, is_enabled=True).effective
    principal = Principal(
        user_id=first.user_id,
        username=first.username,
        permissions=held,
        expires_at=first.expires_at,
        session_id=first.id,
        restriction=restriction_of(first, asked, settings),
        has_second_factor=first.confirmed_at is not None,
        verified_at=first.verified_at,
    )
    fresh_until = min(first.expires_at, next_change((*paths, *conditions), at) or first.expires_at)
    known = frozenset({first.confirmed})
    return Access(principal, first.sequence, first.version, at, fresh_until, first.base, known, conditions=asked)


def within(scopes: frozenset[str], held: frozenset[str]) -> frozenset[str]:
    """The part of `held` that the scopes of a key allow: `tasks:read` allows `tasks:read@own`, too."""
    return frozenset(name for name in held if name in scopes or name.partition("@")[0] in scopes)


def key_access(rows: Sequence[AnyRow], settings: AuthSettings) -> Access:
    """The access of an API key: those of its scopes that its owner holds. It never acts as a superuser."""
    first, at = rows[0], now()
    paths, conditions = grant_paths_in(rows), conditions_in(rows)
    asked = tuple(current_conditions(conditions, at))
    held = held_permissions(paths, at, is_superuser=first.is_superuser, is_enabled=True).effective
    scopes = frozenset(first.key_scopes)
    expires_at = first.key_expires_at or datetime.max.replace(tzinfo=at.tzinfo)
    principal = Principal(
        user_id=first.user_id,
        username=first.username,
        permissions=scopes if EVERYTHING in held else within(scopes, held),
        expires_at=expires_at,
        api_key_id=first.id,
        restriction=restriction_of(first, asked, settings),
        has_second_factor=first.confirmed_at is not None,
    )
    fresh_until = min(expires_at, next_change((*paths, *conditions), at) or expires_at)
    return Access(principal, first.sequence, first.version, at, fresh_until, key=first, conditions=asked)
