"""Customers. Most fields are personal data, which the change log encrypts under a key of the customer."""

from datetime import date
from enum import StrEnum
from typing import Any

from sqlmodel import Field

from app.core.db.column_types import JSON_DOCUMENT, enum_type
from app.core.db.entity import Entity, SoftDelete, filter_indexes, sort_indexes, unique_index
from app.core.db.field_rules import field_rule
from app.core.db.full_text import search_index
from app.core.db.redaction import personal, redacted
from app.core.db.row_scopes import RowScope, RowScopes
from app.core.fields.folding import fold_email


class CustomerStatus(StrEnum):
    """Whether a customer may buy."""

    active = "active"
    blocked = "blocked"


PERSONAL = field_rule(read="read-personal")
"""Personal data are shown to those only who need them."""


class Customer(SoftDelete, Entity, table=True):
    """A customer."""

    __tablename__ = "customer"
    __table_args__ = (
        unique_index("customer", "email", fold=fold_email),
        *sort_indexes("customer", "created_at", "updated_at", "last_name", "first_name", "email"),
        *filter_indexes("customer", "status", "created_by_id"),
        search_index("customer", "first_name", "last_name", "email", "company"),
    )

    row_scopes = RowScopes("customers", (RowScope("own", "Customers that you created", ("created_by_id",)),))

    first_name: str = redacted(personal(), sa_column_kwargs=PERSONAL, max_length=200)
    """The first name."""
    last_name: str = redacted(personal(), sa_column_kwargs=PERSONAL, max_length=200)
    """The last name."""
    email: str = redacted(personal(), sa_column_kwargs=PERSONAL, max_length=320)
    """The e-mail address, unique ignoring case."""
    phone: str | None = redacted(personal(), sa_column_kwargs=PERSONAL, default=None, max_length=20)
    """The telephone number (E.164)."""
    birth_date: date | None = redacted(personal(), sa_column_kwargs=PERSONAL, default=None)
    """The day of birth."""
    company: str | None = redacted(personal(), sa_column_kwargs=PERSONAL, default=None, max_length=200)
    """The company."""
    address: dict[str, Any] | None = redacted(
        personal(), sa_column_kwargs=PERSONAL, default=None, sa_type=JSON_DOCUMENT
    )
    """The postal address."""
    notes: str | None = redacted(personal(), sa_column_kwargs=PERSONAL, default=None, max_length=10_000)
    """Notes."""
    status: CustomerStatus = Field(default=CustomerStatus.active, sa_type=enum_type(CustomerStatus))
    """Whether the customer may buy."""
