"""Keys of people go with a change entry only, and positions of spool files never move back."""

from alembic import op

revision = "d7b40c92e61f"
down_revision = "c15e7f0a93d2"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE audit_spool RENAME COLUMN updated_at TO at")
    op.make_append_only(  # type: ignore[attr-defined]  # our own operation
        "audit_spool", removable_after_days=6, fixed_columns=("id",), rising_column="position"
    )
    op.make_append_only(  # type: ignore[attr-defined]  # our own operation
        "audit_subject_key", fixed_columns=("id", "subject_id", "created_at"), removal_recorded_in="audit_change"
    )


def downgrade() -> None:
    for table in ("audit_subject_key", "audit_spool"):
        op.drop_append_only(table)  # type: ignore[attr-defined]  # our own operation
    op.execute("ALTER TABLE audit_spool RENAME COLUMN at TO updated_at")
