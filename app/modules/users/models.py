"""Users: people who sign in, and service accounts."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from app.core.db.column_types import Instant
from app.core.db.entity import Bookkeeping, Entity, SoftDelete, sort_indexes, unique_index
from app.core.db.full_text import search_index
from app.core.db.redaction import PLAIN, SECRET, personal, redacted
from app.core.db.targets import SHOWN_AS
from app.core.fields.folding import fold_email


class User(SoftDelete, Entity, table=True):
    """A user."""

    __tablename__ = "user"
    __table_args__ = (
        unique_index("user", "username"),
        unique_index("user", "email", fold=fold_email),
        *sort_indexes("user", "created_at", "updated_at", "username", "email"),
        search_index("user", "username", "email", "first_name", "last_name"),
        {"info": {SHOWN_AS: "username"}},
    )

    acts = True
    policy_columns = frozenset({"is_active", "is_superuser", "deleted_at"})
    affects_access = policy_columns | {"username", "signed_out_at", "must_change_password"}
    access_subject = "id"
    target_user_column = "id"
    opens_account = frozenset({"username", "email", "password_hash"})

    username: str = redacted(personal(), max_length=64)
    """The name to sign in with, unique ignoring case."""
    email: str = redacted(personal(), max_length=320)
    """The e-mail address, unique ignoring case; one can sign in with it too."""
    first_name: str | None = redacted(personal(), default=None, max_length=200)
    """The first name."""
    last_name: str | None = redacted(personal(), default=None, max_length=200)
    """The last name."""
    language: str | None = redacted(personal(), default=None, max_length=35)
    """The language of mails to the user, as a tag of BCP 47; null: that of the settings."""
    is_active: bool = True
    """Whether the user may sign in and act."""
    is_superuser: bool = False
    """Whether the user holds every permission."""
    is_service: bool = False
    """Whether this is a service account: it has API keys and cannot sign in."""
    password_hash: str = redacted(SECRET, default="", max_length=200)
    """The argon2id hash of the password; empty for a service account."""
    must_change_password: bool = redacted(PLAIN, default=False)
    """Whether the user must change the password before anything else."""
    password_expires_at: datetime | None = redacted(PLAIN, default=None, sa_type=Instant)
    """Until when a password that an administrator set can be changed; null for a password of the user's own choice."""
    unlocked_at: datetime | None = Field(default=None, sa_type=Instant)
    """When an administrator last unlocked the account. An unlock changes this column, so that the policy guard checks
    it and the change log shows it."""
    signed_out_at: datetime | None = Field(default=None, sa_type=Instant)
    """When the user was last signed out of all sessions: those that began before are over."""


class LastSignIn(Bookkeeping, table=True):
    """The last sign-in of a user. One who never signed in has none."""

    __tablename__ = "last_sign_in"
    not_audited = "moves with every sign-in, which the login log shows"
    is_replaced = True

    id: UUID = Field(primary_key=True, foreign_key="user.id", ondelete="CASCADE")
    """The user."""
    at: datetime = Field(sa_type=Instant, index=True)
    """When the user last signed in."""
