"""Customers. What tells who somebody is, is personal data: the record seals it under a key of theirs."""

from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field

from app.core.model import Entity, SoftDelete, column, unique_index
from app.core.policy import personal
from app.core.search import search_index
from app.core.types import JSON_DOCUMENT, choice


class CustomerStatus(StrEnum):
    active = "active"
    blocked = "blocked"


class Customer(SoftDelete, Entity, table=True):
    __tablename__ = "customer"
    __table_args__ = (
        unique_index("customer", "email"),
        Index("ix_customer_created_at_id", "created_at", "id"),
        Index("ix_customer_status", "status"),
        search_index("customer", "first_name", "last_name", "email", "company"),
    )

    first_name: str = column(personal(), max_length=200)
    last_name: str = column(personal(), max_length=200)
    email: str = column(personal(), max_length=320)
    phone: str | None = column(personal(), default=None, max_length=20)
    birth_date: date | None = column(personal(), default=None)
    company: str | None = column(personal(), default=None, max_length=200)
    address: dict[str, Any] | None = column(personal(), default=None, sa_type=JSON_DOCUMENT)
    notes: str | None = column(personal(), default=None, max_length=10_000)
    status: CustomerStatus = Field(default=CustomerStatus.active, sa_type=choice(CustomerStatus))
