"""What a customer needs to exist, a change that it allows, and values of the fields that only some callers may read."""

from typing import Any
from uuid import uuid4

PATH, SLUG, ENTITY = "/customers", "customers", "customer"
CHANGE: dict[str, Any] = {"status": "blocked"}
MASKED: tuple[dict[str, Any], dict[str, Any]] = (
    {
        "first_name": "Quintessa",
        "last_name": "Vanterpool",
        "email": "quintessa.vanterpool@example.com",
        "phone": "+4930901820",
        "birth_date": "1971-03-14",
        "company": "Zephyrine Ltd",
        "address": {"line1": "Kaleidoscope Lane 7", "city": "Ouagadougou", "country": "BF"},
        "notes": "Prefers marzipan",
    },
    {
        "first_name": "Bartholomew",
        "last_name": "Oxenstierna",
        "email": "bartholomew.oxenstierna@example.com",
        "phone": "+442079460018",
        "birth_date": "1962-11-27",
        "company": "Quokka Mills",
        "address": {"line1": "Archipelago Road 9", "city": "Reykjavik", "country": "IS"},
        "notes": "Collects barometers",
    },
)
"""Two values of each, which are in no answer by chance."""


def body() -> dict[str, Any]:
    return {"first_name": "Carla", "last_name": "Customer", "email": f"{uuid4().hex[:12]}@example.com"}
