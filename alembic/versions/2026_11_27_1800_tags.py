"""Tags, and those of products."""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes

from alembic import op
from app.core.db.column_types import Instant, Words
from app.core.db.folded import FOLDED_TEXT

revision = "3cba87175696"
down_revision = "7d31c0e8b2a5"
branch_labels = None
depends_on = None

DERIVED = ("-created_by_id", "-updated_by_id")
SIDES = ("product_id", "tag_id")


def upgrade() -> None:
    op.create_table(
        "tag",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("updated_by_id", sa.Uuid(), nullable=True),
        sa.Column("deleted_at", Instant(), nullable=True),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("colour", sqlmodel.sql.sqltypes.AutoString(length=7), nullable=True),
        sa.Column("name_folded", FOLDED_TEXT, nullable=False),
        sa.Column("search_words", Words(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tag")),
    )
    with op.batch_alter_table("tag", schema=None) as batch_op:
        batch_op.create_index("ix_tag_created_at_id", ["created_at", "id"], unique=False)
        batch_op.create_index(
            "ix_tag_hidden",
            ["deleted_at"],
            unique=False,
            postgresql_where=sa.text("deleted_at IS NOT NULL"),
            sqlite_where=sa.text("deleted_at IS NOT NULL"),
        )
        batch_op.create_index("ix_tag_name_id", ["name", "id"], unique=False)
        batch_op.create_index("ix_tag_updated_at_id", ["updated_at", "id"], unique=False)

    op.create_table(
        "product_tag",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("updated_by_id", sa.Uuid(), nullable=True),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("tag_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_product_tag_product_id")),
        sa.ForeignKeyConstraint(["tag_id"], ["tag.id"], name=op.f("fk_product_tag_tag_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_tag")),
        sa.UniqueConstraint("product_id", "tag_id", name=op.f("uq_product_tag_product_id_tag_id")),
    )
    with op.batch_alter_table("product_tag", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_product_tag_tag_id"), ["tag_id"], unique=False)

    op.create_search_index("tag", "name")  # type: ignore[attr-defined]  # our own operation
    op.create_index(
        "uq_tag_name",
        "tag",
        ["name_folded"],
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
        sqlite_where=sa.text("deleted_at IS NULL"),
    )
    for name in SIDES:
        op.create_link_index("audit_change", "product_tag", name)  # type: ignore[attr-defined]  # our own operation
    op.make_backstop(  # type: ignore[attr-defined]  # our own operation
        "tag",
        "id",
        "created_at",
        "updated_at",
        "version",
        "deleted_at",
        "name",
        "colour",
        *DERIVED,
        "-name_folded",
        "-search_words",
    )
    op.make_backstop("product_tag", "id", "created_at", "updated_at", "version", "product_id", "tag_id", *DERIVED)  # type: ignore[attr-defined]  # our own operation


def downgrade() -> None:
    for name in SIDES:
        op.drop_index(f"ix_audit_change_product_tag_{name}", table_name="audit_change")
    with op.batch_alter_table("product_tag", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_product_tag_tag_id"))

    op.drop_table("product_tag")
    with op.batch_alter_table("tag", schema=None) as batch_op:
        batch_op.drop_index("ix_tag_updated_at_id")
        batch_op.drop_index("ix_tag_name_id")
        batch_op.drop_index(
            "ix_tag_hidden",
            postgresql_where=sa.text("deleted_at IS NOT NULL"),
            sqlite_where=sa.text("deleted_at IS NOT NULL"),
        )
        batch_op.drop_index("ix_tag_created_at_id")

    op.drop_table("tag")
