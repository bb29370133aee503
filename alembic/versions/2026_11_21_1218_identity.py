"""Service accounts, API keys, second factors, time-boxed assignments, policy versions and security events."""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes

from alembic import op
from app.core.db.column_types import JSON_DOCUMENT, Instant

revision = "bc70e7d321ad"
down_revision = "8d75475ffc1b"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "policy_version",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("request_id", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("actor_kind", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("actor_name", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=True),
        sa.Column("restores", sa.BigInteger(), nullable=True),
        sa.Column("changes", JSON_DOCUMENT, nullable=False),
        sa.Column("effects", JSON_DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_version")),
    )
    op.create_index(op.f("ix_policy_version_at"), "policy_version", ["at"], unique=False)

    op.create_table(
        "security_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_security_event")),
    )
    op.create_index("ix_security_event_at", "security_event", ["at"], unique=False)
    op.create_index(op.f("ix_security_event_sequence"), "security_event", ["sequence"], unique=False)

    op.create_table(
        "security_state",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_security_state")),
    )
    op.create_table(
        "sign_in_counter",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(length=160), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("blocked_until", Instant(), nullable=True),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_counter")),
    )
    op.create_table(
        "api_key",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("prefix", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
        sa.Column("secret_hash", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("scopes", JSON_DOCUMENT, nullable=False),
        sa.Column(
            "allowed_addresses",
            JSON_DOCUMENT,
            nullable=False,
        ),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.Column("last_used_at", Instant(), nullable=True),
        sa.Column("last_used_ip", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=True),
        sa.Column("revoked_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_api_key_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("prefix", name=op.f("uq_api_key_prefix")),
    )
    op.create_index(op.f("ix_api_key_user_id"), "api_key", ["user_id"], unique=False)

    op.create_table(
        "recovery_code",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("used_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_recovery_code_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_code")),
    )
    op.create_index(op.f("ix_recovery_code_user_id"), "recovery_code", ["user_id"], unique=False)

    op.create_table(
        "second_factor",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("confirmed_at", Instant(), nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_second_factor_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_second_factor")),
        sa.UniqueConstraint("user_id", name=op.f("uq_second_factor_user_id")),
    )
    op.add_column("audit_access", sa.Column("owner_id", sa.Uuid(), nullable=True))
    op.create_index("ix_audit_access_owner_id_id", "audit_access", ["owner_id", "id"], unique=False)

    op.add_column("audit_change", sa.Column("owner_id", sa.Uuid(), nullable=True))
    op.create_index("ix_audit_change_owner_id_id", "audit_change", ["owner_id", "id"], unique=False)

    op.add_column("auth_session", sa.Column("confirmed", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("auth_session", sa.Column("base", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("auth_session", sa.Column("verified_at", Instant(), nullable=True))

    op.add_column("user", sa.Column("is_service", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("user", sa.Column("must_change_password", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("user", sa.Column("password_expires_at", Instant(), nullable=True))
    op.add_column("user", sa.Column("unlocked_at", Instant(), nullable=True))

    op.add_column("user_role", sa.Column("valid_from", Instant(), nullable=True))
    op.add_column("user_role", sa.Column("valid_until", Instant(), nullable=True))
    op.add_column("user_role", sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(length=500), nullable=True))
    op.execute("UPDATE auth_session SET base = counter - 1 WHERE counter > 0")
    op.execute("INSERT INTO security_state (id, sequence) VALUES (1, 0)")


def downgrade() -> None:
    op.drop_column("user_role", "reason")
    op.drop_column("user_role", "valid_until")
    op.drop_column("user_role", "valid_from")

    op.drop_column("user", "unlocked_at")
    op.drop_column("user", "password_expires_at")
    op.drop_column("user", "must_change_password")
    op.drop_column("user", "is_service")

    op.drop_column("auth_session", "verified_at")
    op.drop_column("auth_session", "base")
    op.drop_column("auth_session", "confirmed")

    op.drop_index("ix_audit_change_owner_id_id", table_name="audit_change")
    op.drop_column("audit_change", "owner_id")

    op.drop_index("ix_audit_access_owner_id_id", table_name="audit_access")
    op.drop_column("audit_access", "owner_id")

    op.drop_table("second_factor")
    op.drop_index(op.f("ix_recovery_code_user_id"), table_name="recovery_code")

    op.drop_table("recovery_code")
    op.drop_index(op.f("ix_api_key_user_id"), table_name="api_key")

    op.drop_table("api_key")
    op.drop_table("sign_in_counter")
    op.drop_table("security_state")
    op.drop_index(op.f("ix_security_event_sequence"), table_name="security_event")
    op.drop_index("ix_security_event_at", table_name="security_event")

    op.drop_table("security_event")
    op.drop_index(op.f("ix_policy_version_at"), table_name="policy_version")

    op.drop_table("policy_version")
