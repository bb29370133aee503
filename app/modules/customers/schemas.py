"""What clients send and receive of customers."""

from datetime import date
from typing import Annotated, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, EmailStr, Field, PastDate
from pydantic_extra_types.country import CountryAlpha2
from pydantic_extra_types.phone_numbers import PhoneNumber

from app.core.page import EntityQuery
from app.core.schema import Name, Patch, Read, Schema, Text, example, spelled_day
from app.modules.customers.models import CustomerStatus


class Phone(PhoneNumber):
    """A number that exists, with its country code: kept and shown as E.164 writes it."""

    phone_format = "E164"


PostalCode = Annotated[Name, Field(max_length=20)]


class Address(Schema):
    """`country` is an ISO 3166-1 alpha-2 code."""

    model_config = example(line1="Market Street 1", city="Berlin", country="DE")

    line1: Name
    line2: Name | None = None
    city: Name
    region: Name | None = None
    postal_code: PostalCode | None = None
    country: CountryAlpha2


class AddressRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    line1: str
    line2: str | None
    city: str
    region: str | None
    postal_code: str | None
    country: str


class CustomerCreate(Schema):
    model_config = example(
        first_name="Ines",
        last_name="Costa",
        email="ines.costa@example.com",
        phone="+4930901820",
        address={"line1": "Market Street 1", "city": "Berlin", "country": "DE"},
    )

    first_name: Name
    last_name: Name
    email: EmailStr
    phone: Phone | None = None
    birth_date: Annotated[PastDate, BeforeValidator(spelled_day)] | None = None
    company: Name | None = None
    address: Address | None = None
    notes: Text | None = None
    status: CustomerStatus = CustomerStatus.active


class CustomerUpdate(Patch, CustomerCreate):
    pass


class CustomerRead(Read):
    first_name: str
    last_name: str
    email: str
    phone: str | None
    birth_date: date | None
    company: str | None
    address: AddressRead | None
    notes: str | None
    status: CustomerStatus


class CustomerQuery(EntityQuery):
    sortable: ClassVar[tuple[str, ...]] = ("created_at", "updated_at", "last_name", "first_name", "email")

    status: list[CustomerStatus] = Field(default_factory=list, max_length=50)
