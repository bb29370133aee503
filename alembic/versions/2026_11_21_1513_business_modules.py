"""business modules"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes

from alembic import op
from app.core.db.column_types import JSON_DOCUMENT, Instant, Money

revision = "8d388a7b9f9d"
down_revision = "bc70e7d321ad"
branch_labels = None
depends_on = None

PUNCTUATION = r"[\s!-/:-@[-`{-~]+"


def create_search_index(table: str, *fields: str) -> None:
    """Index the words that PostgreSQL's parser found; a later revision drops it."""
    if op.get_bind().dialect.name == "postgresql":
        joined = " || ' ' || ".join(f"coalesce({field}, '')" for field in fields)
        words = f"to_tsvector('simple', regexp_replace(lower({joined}), '{PUNCTUATION}', ' ', 'g'))"
        name = f"ix_{table}_search_{'_'.join(fields)}"
        op.get_bind().exec_driver_sql(f'CREATE INDEX {name} ON "{table}" USING gin ({words})')


def upgrade() -> None:
    op.create_table(
        "brand",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("deleted_at", Instant(), nullable=True),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("description", sqlmodel.sql.sqltypes.AutoString(length=10000), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_brand")),
    )
    with op.batch_alter_table("brand", schema=None) as batch_op:
        batch_op.create_index("ix_brand_created_at_id", ["created_at", "id"], unique=False)
        batch_op.create_index(
            "ix_brand_hidden",
            ["deleted_at"],
            unique=False,
            sqlite_where=sa.text("deleted_at IS NOT NULL"),
            postgresql_where=sa.text("deleted_at IS NOT NULL"),
        )

    op.create_table(
        "category",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("deleted_at", Instant(), nullable=True),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("description", sqlmodel.sql.sqltypes.AutoString(length=10000), nullable=True),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["parent_id"], ["category.id"], name=op.f("fk_category_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_category")),
    )
    with op.batch_alter_table("category", schema=None) as batch_op:
        batch_op.create_index("ix_category_created_at_id", ["created_at", "id"], unique=False)
        batch_op.create_index(
            "ix_category_hidden",
            ["deleted_at"],
            unique=False,
            sqlite_where=sa.text("deleted_at IS NOT NULL"),
            postgresql_where=sa.text("deleted_at IS NOT NULL"),
        )
        batch_op.create_index(batch_op.f("ix_category_parent_id"), ["parent_id"], unique=False)

    op.create_table(
        "customer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("deleted_at", Instant(), nullable=True),
        sa.Column("first_name", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("last_name", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("email", sqlmodel.sql.sqltypes.AutoString(length=320), nullable=False),
        sa.Column("phone", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=True),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("company", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=True),
        sa.Column("address", JSON_DOCUMENT, nullable=True),
        sa.Column("notes", sqlmodel.sql.sqltypes.AutoString(length=10000), nullable=True),
        sa.Column("status", sa.Enum("active", "blocked", name="status", native_enum=False, length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer")),
    )
    with op.batch_alter_table("customer", schema=None) as batch_op:
        batch_op.create_index("ix_customer_created_at_id", ["created_at", "id"], unique=False)
        batch_op.create_index(
            "ix_customer_hidden",
            ["deleted_at"],
            unique=False,
            sqlite_where=sa.text("deleted_at IS NOT NULL"),
            postgresql_where=sa.text("deleted_at IS NOT NULL"),
        )
        batch_op.create_index("ix_customer_status", ["status"], unique=False)

    op.create_table(
        "idempotency_key",
        sa.Column("id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_idempotency_key")),
    )
    with op.batch_alter_table("idempotency_key", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_idempotency_key_created_at"), ["created_at"], unique=False)

    op.create_table(
        "product",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("deleted_at", Instant(), nullable=True),
        sa.Column("sku", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("description", sqlmodel.sql.sqltypes.AutoString(length=10000), nullable=True),
        sa.Column("price", Money(), nullable=False),
        sa.Column("currency", sqlmodel.sql.sqltypes.AutoString(length=3), nullable=False),
        sa.Column("stock", sa.Integer(), nullable=False),
        sa.Column(
            "status",
            sa.Enum("draft", "active", "archived", name="status", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("brand_id", sa.Uuid(), nullable=True),
        sa.Column("category_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("stock >= 0", name=op.f("ck_product_stock")),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name=op.f("fk_product_brand_id")),
        sa.ForeignKeyConstraint(["category_id"], ["category.id"], name=op.f("fk_product_category_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product")),
    )
    with op.batch_alter_table("product", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_product_brand_id"), ["brand_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_product_category_id"), ["category_id"], unique=False)
        batch_op.create_index("ix_product_created_at_id", ["created_at", "id"], unique=False)
        batch_op.create_index(
            "ix_product_hidden",
            ["deleted_at"],
            unique=False,
            sqlite_where=sa.text("deleted_at IS NOT NULL"),
            postgresql_where=sa.text("deleted_at IS NOT NULL"),
        )
        batch_op.create_index("ix_product_price_id", ["price", "id"], unique=False)
        batch_op.create_index("ix_product_status", ["status"], unique=False)

    op.create_table(
        "stock_movement",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("delta", sa.Integer(), nullable=False),
        sa.Column("stock", sa.Integer(), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_stock_movement_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_movement")),
    )
    with op.batch_alter_table("stock_movement", schema=None) as batch_op:
        batch_op.create_index(
            "ix_stock_movement_product_id_created_at_id", ["product_id", "created_at", "id"], unique=False
        )

    create_search_index("brand", "name", "description")
    op.create_index(
        "uq_brand_name",
        "brand",
        [sa.literal_column("lower(name)")],
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
        sqlite_where=sa.text("deleted_at IS NULL"),
    )
    create_search_index("category", "name", "description")
    op.create_index(
        "uq_category_name",
        "category",
        [sa.literal_column("parent_id"), sa.literal_column("lower(name)")],
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
        sqlite_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "uq_category_name_without_parent_id",
        "category",
        [sa.literal_column("lower(name)")],
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL AND parent_id IS NULL"),
        sqlite_where=sa.text("deleted_at IS NULL AND parent_id IS NULL"),
    )
    create_search_index("customer", "first_name", "last_name", "email", "company")
    op.create_index(
        "uq_customer_email",
        "customer",
        [sa.literal_column("lower(email)")],
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
        sqlite_where=sa.text("deleted_at IS NULL"),
    )
    create_search_index("product", "sku", "name", "description")
    op.create_index(
        "uq_product_sku",
        "product",
        [sa.literal_column("lower(sku)")],
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
        sqlite_where=sa.text("deleted_at IS NULL"),
    )
    for table in ("task", "user", "role"):
        op.drop_index(f"ix_{table}_deleted_at", table)
        op.create_index(
            f"ix_{table}_hidden",
            table,
            ["deleted_at"],
            sqlite_where=sa.text("deleted_at IS NOT NULL"),
            postgresql_where=sa.text("deleted_at IS NOT NULL"),
        )
    create_search_index("task", "title", "description")
    create_search_index("user", "username", "email", "first_name", "last_name")
    create_search_index("role", "name")


def downgrade() -> None:
    for table in ("task", "user", "role"):
        op.drop_index(f"ix_{table}_hidden", table)
        op.create_index(f"ix_{table}_deleted_at", table, ["deleted_at"])
    if op.get_bind().dialect.name == "postgresql":
        op.drop_index("ix_role_search_name", "role")
        op.drop_index("ix_user_search_username_email_first_name_last_name", "user")
        op.drop_index("ix_task_search_title_description", "task")
    with op.batch_alter_table("stock_movement", schema=None) as batch_op:
        batch_op.drop_index("ix_stock_movement_product_id_created_at_id")

    op.drop_table("stock_movement")
    with op.batch_alter_table("product", schema=None) as batch_op:
        batch_op.drop_index("ix_product_status")
        batch_op.drop_index("ix_product_price_id")
        batch_op.drop_index("ix_product_hidden")
        batch_op.drop_index("ix_product_created_at_id")
        batch_op.drop_index(batch_op.f("ix_product_category_id"))
        batch_op.drop_index(batch_op.f("ix_product_brand_id"))

    op.drop_table("product")
    with op.batch_alter_table("idempotency_key", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_idempotency_key_created_at"))

    op.drop_table("idempotency_key")
    with op.batch_alter_table("customer", schema=None) as batch_op:
        batch_op.drop_index("ix_customer_status")
        batch_op.drop_index("ix_customer_hidden")
        batch_op.drop_index("ix_customer_created_at_id")

    op.drop_table("customer")
    with op.batch_alter_table("category", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_category_parent_id"))
        batch_op.drop_index("ix_category_hidden")
        batch_op.drop_index("ix_category_created_at_id")

    op.drop_table("category")
    with op.batch_alter_table("brand", schema=None) as batch_op:
        batch_op.drop_index("ix_brand_hidden")
        batch_op.drop_index("ix_brand_created_at_id")

    op.drop_table("brand")
