"""Rules of customers: numbers and countries that exist, and personal data that the audit log encrypts."""

from typing import Any

import pytest
from sqlalchemy import select

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.modules.audit.models import AuditAccess, AuditChange
from tests.modules.customers.factory import PATH, body
from tests.people import SignedInAs

ADDRESS = {"line1": "Main Street 1", "city": "Berlin", "country": "DE"}
WHOLE = {"line2": None, "region": None, "postal_code": None, **ADDRESS}


@pytest.mark.parametrize(
    ("field", "value", "kept"),
    [
        ("phone", "+49 30 901820", "+4930901820"),
        ("phone", "+442079460018", "+442079460018"),
        ("phone", "030 901820", None),
        ("phone", "+1", None),
        ("phone", "＋49 (0)30 90–18.20", "+4930901820"),
        ("phone", "tel:+49-30-901820", "+4930901820"),
        ("phone", "+1 907-486-4171 ext. 101", None),
        ("phone", "+1 907-486-4171;ext=101", None),
        ("phone", "+1 907-486-4171x101", None),
        ("phone", "+1 907-486-4171#101", None),
        ("phone", "call +1 907-486-4171", None),
        ("phone", "+1 907-486-4171 / +1 907-486-4172", None),
        ("birth_date", "1990-02-28", "1990-02-28"),
        ("birth_date", "2990-02-28", None),
        ("birth_date", "1990-02-30", None),
        ("email", "Someone@Example.com", "Someone@example.com"),
        ("email", "nobody", None),
        ("email", "ann@XN--MNCHEN-3YA.example", "ann@münchen.example"),
        ("email", "Ann <ann@example.com>", None),
        ("email", "<ann@example.com>", None),
        ("email", f"{'é' * 32}@example.com", f"{'é' * 32}@example.com"),
        ("email", f"{'é' * 33}@example.com", None),
        ("email", f"{'a' * 65}@example.com", None),
        ("address", ADDRESS, WHOLE),
        ("address", {**ADDRESS, "country": "XX"}, None),
        ("address", {"city": "Berlin"}, None),
        ("address", {**ADDRESS, "planet": "Earth"}, None),
        ("status", "blocked", "blocked"),
        ("status", "asleep", None),
    ],
)
async def test_fields_are_validated(signed_in_as: SignedInAs, field: str, value: Any, kept: Any) -> None:
    person = await signed_in_as("customers:create", "customers:read-personal")

    answer = await person.post(PATH, {**body(), field: value})

    if kept is None:
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["pointer"].startswith(f"/body/{field}")
    else:
        assert (answer.status_code, answer.json()[field]) == (201, kept)


@pytest.mark.parametrize(
    ("field", "value"), [("phone", "+1 907-486-4171 ext. 101"), ("email", "Ann <ann@example.com>")]
)
async def test_an_import_refuses_what_would_be_cut(signed_in_as: SignedInAs, field: str, value: str) -> None:
    person = await signed_in_as("customers:create", "customers:read-personal")
    row = {**body(), field: value}
    file = f"{','.join(row)}\n{','.join(row.values())}\n"

    answer = await person.post(f"{PATH}/import", content=file, headers={"Content-Type": "text/csv"})

    assert answer.status_code == 422, answer.text
    assert field in answer.text
    assert value not in answer.text


async def test_an_address_is_patched_as_rfc_7396_says(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("customers:create", "customers:update", "customers:read-personal")
    customer = (await person.post(PATH, {**body(), "address": {**ADDRESS, "line2": "Back"}})).json()
    path = f"{PATH}/{customer['id']}"
    patch = {"Content-Type": "application/merge-patch+json"}

    moved = await person.patch(path, {"address": {"city": "Hamburg", "line2": None}}, headers=patch)
    broken = await person.patch(path, {"address": {"city": None}}, headers=patch)
    gone = await person.patch(path, {"address": None}, headers=patch)
    incomplete = await person.patch(path, {"address": {"city": "Hamburg"}}, headers=patch)

    assert (moved.status_code, moved.json()["address"]) == (200, {**WHOLE, "city": "Hamburg"})
    assert (broken.status_code, broken.json()["errors"][0]["pointer"]) == (422, "/body/address/city")
    assert (gone.status_code, gone.json()["address"]) == (200, None)
    assert {error["pointer"] for error in incomplete.json()["errors"]} == {
        "/body/address/line1",
        "/body/address/country",
    }


async def test_personal_data_is_encrypted_in_the_audit_log_and_readable_to_auditors(
    database: Database, job: RequestContext, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as("customers:create", "customers:read-personal", "audit:read")
    secret = {"first_name": "Cordelia", "company": "Canary Ltd", "notes": "allergic", "phone": "+4930901820"}
    customer = (await person.post(PATH, {**body(), **secret, "address": ADDRESS})).json()

    await person.get(PATH, params={"q": "cordelia"})
    history = (await person.get(f"{PATH}/{customer['id']}/history")).json()["items"]
    reader = database.read_session(job)
    kept = str([await reader.all(select(table_of(model))) for model in (AuditChange, AuditAccess)])

    assert history[0]["changes"]["first_name"]["new"] == "Cordelia"
    assert history[0]["changes"]["address"]["new"]["line1"] == "Main Street 1"
    assert not [word for word in ("ordelia", "Canary", "allergic", "30901820", "Main Street") if word in kept]


async def test_an_address_is_imported_and_exported(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("customers:create", "customers:read-personal", "customers:export")
    content = (
        "first_name,last_name,email,phone,address.line1,address.city,address.country\n"
        "Ann,Other,ann@example.com,'+4930901820,Main Street 1,Berlin,DE\n"
        "=1+1,Other,bob@example.com,,,,\n"
    )
    headers = {"Content-Type": "text/csv"}

    loaded = await person.post(f"{PATH}/import", content=content.encode(), headers=headers)
    table = (await person.get(PATH, params={"sort": "first_name"}, headers={"Accept": "text/csv"})).text.splitlines()

    assert loaded.json()["created"] == 2, loaded.text
    assert '"address.city"' in table[0].split(",")
    assert ',"\'=1+1",' in table[1]
    assert ',"\'+4930901820",' in table[2]
    assert ',"Berlin",' in table[2]
