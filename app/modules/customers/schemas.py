"""Request and response schemas of customers."""

from datetime import date
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, PastDate, StringConstraints
from pydantic_extra_types.country import CountryAlpha2

from app.core.db.pagination import EntityQuery
from app.core.fields.email import EmailAddress
from app.core.fields.phone import Phone
from app.core.fields.text import ONE_LINE, Name, Text, compose_line
from app.core.fields.time import parse_day
from app.core.resources.schemas import ItemRead, MaskedRead, Patch, ResponseSchema, Schema, example
from app.modules.customers.models import Customer, CustomerStatus

PostalCode = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=20, pattern=ONE_LINE),
    BeforeValidator(compose_line),
]


class Address(Schema):
    """A postal address."""

    model_config = example(line1="Market Street 1", city="Berlin", country="DE")

    line1: Name
    """The first line: street and number."""
    line2: Name | None = None
    """The second line."""
    city: Name
    """The city."""
    region: Name | None = None
    """The state or region."""
    postal_code: PostalCode | None = None
    """The postal code."""
    country: CountryAlpha2
    """The country (ISO 3166-1 alpha-2)."""


class AddressRead(ResponseSchema):
    """A postal address."""

    line1: str
    """The first line: street and number."""
    line2: str | None
    """The second line."""
    city: str
    """The city."""
    region: str | None
    """The state or region."""
    postal_code: str | None
    """The postal code."""
    country: str
    """The country (ISO 3166-1 alpha-2)."""


class CustomerCreate(Schema):
    """A new customer."""

    model_config = example(
        first_name="Ines",
        last_name="Costa",
        email="ines.costa@example.com",
        phone="+4930901820",
        address={"line1": "Market Street 1", "city": "Berlin", "country": "DE"},
    )

    first_name: Name
    """The first name."""
    last_name: Name
    """The last name."""
    email: EmailAddress
    """The e-mail address, unique ignoring case."""
    phone: Phone | None = None
    """The telephone number (E.164)."""
    birth_date: Annotated[PastDate, BeforeValidator(parse_day)] | None = None
    """The day of birth."""
    company: Name | None = None
    """The company."""
    address: Address | None = None
    """The postal address."""
    notes: Text | None = None
    """Notes."""
    status: CustomerStatus = CustomerStatus.active
    """Whether the customer may buy."""


class CustomerUpdate(Patch, CustomerCreate):
    """A change of a customer."""


class CustomerRead(MaskedRead, ItemRead):
    """A customer."""

    first_name: str | None
    """The first name."""
    last_name: str | None
    """The last name."""
    email: str | None
    """The e-mail address, unique ignoring case."""
    phone: str | None
    """The telephone number (E.164)."""
    birth_date: date | None
    """The day of birth."""
    company: str | None
    """The company."""
    address: AddressRead | None
    """The postal address."""
    notes: str | None
    """Notes."""
    status: CustomerStatus
    """Whether the customer may buy."""


class CustomerQuery(EntityQuery):
    """The parameters of a list of customers."""

    lists: ClassVar = Customer
    sortable: ClassVar[tuple[str, ...]] = (
        "created_at",
        "updated_at",
        "last_name",
        "first_name",
        "email",
        "status",
    )
    filterable: ClassVar[tuple[str, ...]] = ("email", "status")
