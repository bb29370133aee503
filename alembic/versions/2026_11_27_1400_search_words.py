"""Words that searches find, made by the application: PostgreSQL's parser lost those with combining marks."""

import sqlalchemy as sa

from alembic import op
from app.core.db.column_types import Words

revision = "8d41f0c6b7a2"
down_revision = "5be2d07f94a6"
branch_labels = None
depends_on = None

FIELDS = {
    "brand": ("name", "description"),
    "category": ("name", "description"),
    "customer": ("first_name", "last_name", "email", "company"),
    "product": ("sku", "name", "description"),
    "role": ("name",),
    "task": ("title", "description"),
    "user": ("username", "email", "first_name", "last_name"),
}
PUNCTUATION = r"[\s!-/:-@[-`{-~]+"


def upgrade() -> None:
    for table, fields in FIELDS.items():
        drop_index(table, fields)
        op.add_column(table, sa.Column("search_words", Words(), nullable=True))
        op.create_search_index(table, *fields)  # type: ignore[attr-defined]  # our own operation
        op.add_to_backstop(table, "-search_words")  # type: ignore[attr-defined]  # our own operation


def downgrade() -> None:
    for table, fields in FIELDS.items():
        drop_index(table, fields)
        op.drop_column(table, "search_words")
        if op.get_bind().dialect.name == "postgresql":
            joined = " || ' ' || ".join(f"coalesce({field}, '')" for field in fields)
            words = f"to_tsvector('simple', regexp_replace(lower({joined}), '{PUNCTUATION}', ' ', 'g'))"
            op.get_bind().exec_driver_sql(f'CREATE INDEX {name_of(table, fields)} ON "{table}" USING gin ({words})')


def name_of(table: str, fields: tuple[str, ...]) -> str:
    return f"ix_{table}_search_{'_'.join(fields)}"


def drop_index(table: str, fields: tuple[str, ...]) -> None:
    """Drop the search index, which only PostgreSQL has."""
    if op.get_bind().dialect.name == "postgresql":
        op.drop_index(name_of(table, fields), table)
