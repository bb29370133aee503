"""Statistics of the access log: which route, status and error code come together. SQLite has none of this kind."""

from alembic import op

revision = "c7e4a91d5b36"
down_revision = "e83a5d1c47b0"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE STATISTICS st_audit_access_route_status_error_code (dependencies, mcv)"
            " ON route, status, error_code FROM audit_access"
        )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP STATISTICS st_audit_access_route_status_error_code")
