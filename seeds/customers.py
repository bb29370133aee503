"""Demo customers: invented people."""

from datetime import date, timedelta
from random import Random

from app.core.db.session import Session
from app.modules.customers.models import Customer
from app.modules.customers.schemas import CustomerCreate
from app.modules.customers.service import CustomerService
from seeds import is_new, seeded_random

FIRST = (
    "Amara", "Bruno", "Chiara", "David", "Elif", "Farid", "Greta", "Henrik", "Ines", "Jonas", "Keiko", "Luca",
    "Maja", "Noah", "Olga", "Pavel", "Rosa", "Samir", "Tess", "Yusuf",
)  # fmt: skip
LAST = (
    "Andersen", "Bauer", "Costa", "Dubois", "Eriksen", "Fischer", "Garcia", "Horvat", "Ivanova", "Jansen", "Keller",
    "Lindqvist", "Moreau", "Novak", "Okafor", "Petrov", "Quist", "Rossi", "Schmidt", "Tanaka", "Ueda", "Vidal",
    "Weber", "Yilmaz", "Zimmer",
)  # fmt: skip
PLACES = (
    ("Berlin", "DE", "10115", "+4930901"), ("Wien", "AT", "1010", "+43151"), ("Lyon", "FR", "69001", "+334720"),
    ("Milano", "IT", "20121", "+39026001"), ("Utrecht", "NL", "3511", "+313023"),
)  # fmt: skip
STREETS = ("Market Street", "Station Road", "Mill Lane", "Garden Row", "Harbour Street")
COMPANIES = (None, None, None, "Studio Nord", "Hotel Central", "Atelier Sud")
BIRTHS = date(1950, 1, 1)
BIRTH_DAYS = 55 * 365


async def seed(session: Session, count: int) -> dict[str, str]:
    if await is_new(session, Customer):
        chance = seeded_random("customers")
        people = [(first, last) for last in LAST for first in FIRST][:count]
        await CustomerService(session).create_many([build_customer(*person, chance) for person in people])
    return {}


def build_customer(first: str, last: str, chance: Random) -> CustomerCreate:
    city, country, postal_code, prefix = chance.choice(PLACES)
    street = f"{chance.choice(STREETS)} {chance.randint(1, 90)}"
    return CustomerCreate.model_validate(
        {
            "first_name": first,
            "last_name": last,
            "email": f"{first}.{last}@example.com".lower(),
            "phone": f"{prefix}{chance.randint(10_000, 99_999)}",
            "birth_date": BIRTHS + timedelta(days=chance.randint(0, BIRTH_DAYS)),
            "company": chance.choice(COMPANIES),
            "address": {"line1": street, "city": city, "postal_code": postal_code, "country": country},
            "status": chance.choices(("active", "blocked"), (19, 1))[0],
        }
    )
