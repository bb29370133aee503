"""What the log tells of a field follows the rule of its module, for every reader: that it changed, and no value."""

import io
import zipfile
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.db.field_rules import RULES, FieldRules
from app.modules.audit.changes.personal_data import MASKED
from app.modules.audit.changes.reading import decrypt
from app.modules.audit.models import AuditChange
from app.modules.products.models import Product
from tests.answers import refusals, statuses
from tests.contract.governed import all_but_reading, governed, names_of, texts_of
from tests.contract.resources import everything
from tests.modules.audit.exports.exported import PARQUET, read_export
from tests.modules.audit.sealer.sealed import seal_all, sealer_of
from tests.modules.products.factory import body as product
from tests.people import Person, SignedInAs

resources = pytest.mark.parametrize("resource", governed().values(), ids=list(governed()))
WHY = {"Audit-Reason": "entered by mistake"}


async def history_of(root: Person, resource: Any) -> tuple[str, list[dict[str, Any]]]:
    """The path of an item that had one value of each field, then another; and its entries, the oldest first."""
    made = await root.post(resource.PATH, {**resource.body(), **resource.MASKED[0]})
    path = f"{resource.PATH}/{made.json()['id']}"
    assert (await root.patch(path, resource.MASKED[1])).status_code == 200
    return path, (await root.get(f"{path}/history", params={"sort": "id"})).json()["items"]


async def read_log(person: Person, path: str, entries: list[dict[str, Any]]) -> dict[str, httpx.Response]:
    """Every answer that tells what the log has of an item."""
    first, last = entries[0], entries[-1]
    one = {"entity": last["entity"], "entity_id": last["entity_id"]}
    return {
        "history": await person.get(f"{path}/history"),
        "as of": await person.get(f"{path}/as-of", params={"at": first["at"]}),
        "difference": await person.get(f"{path}/diff", params={"from": first["at"]}),
        "list": await person.get("/audit/changes", params=one),
        "entry": await person.get(f"/audit/changes/{last['id']}"),
        "call": await person.get(f"/audit/calls/{last['call_id']}"),
        "timeline": await person.get(f"/audit/actors/{last['actor_id']}/timeline"),
        "feed": await person.get("/audit/feed"),
        "csv": await person.get("/audit/changes", headers={"Accept": "text/csv"}),
        "ndjson": await person.get("/audit/changes", headers={"Accept": "application/x-ndjson"}),
        "parquet": await person.get("/audit/changes", headers={"Accept": PARQUET}),
        "evidence": await person.get("/audit/evidence/changes", params=one),
        "proof": await person.get(f"/audit/proofs/changes/{last['seq'] or 1}"),
    }


def text_of(call: str, answer: httpx.Response) -> str:
    """What a person would see in an answer."""
    if call == "parquet":
        return str(read_export(PARQUET, answer.content).rows)
    if call == "evidence":
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            return archive.read("entries.ndjson").decode()
    return answer.text


@resources
async def test_an_auditor_sees_that_a_field_changed_and_no_value(
    database: Database, signed_in_as: SignedInAs, resource: Any
) -> None:
    """Replaces the rule that everybody with `audit:read` read the personal data of every module."""
    root = await signed_in_as(superuser=True)
    auditor = await signed_in_as("audit:read", f"{resource.SLUG}:read")
    path, entries = await history_of(root, resource)
    await seal_all(sealer_of(database))
    canaries = texts_of(resource.MASKED[0]) | texts_of(resource.MASKED[1])

    answers = await read_log(auditor, path, entries)

    assert set(statuses(answers).values()) == {200}
    assert {call: [text for text in canaries if text in text_of(call, a)] for call, a in answers.items()} == {
        call: [] for call in answers
    }
    changed = answers["list"].json()["items"][0]["changes"]
    assert {name: changed[name] for name in names_of(resource)} == {
        name: {"old": MASKED, "new": MASKED} for name in names_of(resource)
    }
    assert answers["difference"].json()["changes"].keys() >= set(names_of(resource))
    created = answers["list"].json()["items"][1]["changes"]
    assert created["status"]["new"] == "active"


@resources
async def test_an_auditor_of_the_module_needs_the_action_too(
    database: Database, signed_in_as: SignedInAs, resource: Any
) -> None:
    root = await signed_in_as(superuser=True)
    auditor, reader = (
        await signed_in_as(*all_but_reading(resource)),
        await signed_in_as(*everything(resource.SLUG), f"{resource.SLUG}:audit"),
    )
    path, _ = await history_of(root, resource)

    for person, is_masked in ((auditor, True), (reader, False)):
        [changed, _] = (await person.get("/audit/changes")).json()["items"]
        state = (await person.get(f"{path}/as-of", params={"at": changed["at"]})).json()
        for name in names_of(resource):
            assert (changed["changes"][name]["new"] == MASKED) is is_masked
            assert (state[name] == MASKED) is is_masked


@resources
async def test_a_value_that_came_back_is_not_told_from_another(signed_in_as: SignedInAs, resource: Any) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as(*all_but_reading(resource))
    path, entries = await history_of(root, resource)
    await root.patch(path, resource.MASKED[0])

    differing = (await person.get(f"{path}/diff", params={"from": entries[0]["at"]})).json()["changes"]
    known = (await root.get(f"{path}/diff", params={"from": entries[0]["at"]})).json()["changes"]

    assert differing.keys() >= set(names_of(resource))
    assert known.keys().isdisjoint(names_of(resource))


@resources
async def test_a_revert_of_what_is_masked_is_refused(signed_in_as: SignedInAs, resource: Any) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as(*all_but_reading(resource))
    path, entries = await history_of(root, resource)
    await root.patch(path, resource.CHANGE)
    then = entries[0]["at"]
    [plain] = resource.CHANGE

    answers = {
        "all": await person.post(f"{path}/revert", {"at": then}, headers=WHY),
        "one": await person.post(f"{path}/revert", {"at": then, "fields": [names_of(resource)[0]]}, headers=WHY),
        "preview": await person.post(f"{path}/revert", {"at": then}, headers=WHY, params={"dry_run": True}),
    }
    allowed = await person.post(f"{path}/revert", {"at": then, "fields": [plain]}, headers=WHY)

    assert set(refusals(answers).values()) == {(403, "permission-denied")}
    assert answers["all"].json()["errors"][0]["params"]["permission"].startswith(f"{resource.SLUG}:")
    assert allowed.status_code == 200, allowed.text


@resources
async def test_all_data_of_a_person_need_the_action(signed_in_as: SignedInAs, resource: Any) -> None:
    root = await signed_in_as(superuser=True)
    path, _ = await history_of(root, resource)
    if (await root.get(f"{path}/personal-data")).status_code == 404:
        pytest.skip("no persons")
    auditor = await signed_in_as("audit:read", "audit:delete", f"{resource.SLUG}:read")
    officer = await signed_in_as("audit:read", *everything(resource.SLUG))

    refused, shown = await auditor.get(f"{path}/personal-data"), await officer.get(f"{path}/personal-data")
    erased = await auditor.post(f"{path}/erase", headers=WHY)

    assert (refused.status_code, refused.json()["code"]) == (403, "permission-denied")
    assert shown.status_code == erased.status_code == 200


async def test_jobs_read_everything(database: Database, job: RequestContext, signed_in_as: SignedInAs) -> None:
    root = await signed_in_as(superuser=True)
    resource = governed()["customers"]
    await history_of(root, resource)
    session = database.read_session(job)
    rows = await session.all(select(table_of(AuditChange)).where(table_of(AuditChange).c.entity == resource.ENTITY))

    entries = await decrypt(session, rows)

    assert resource.MASKED[0]["phone"] in str(entries)


async def test_a_plain_value_is_masked_and_its_entry_is_not_proved(
    monkeypatch: pytest.MonkeyPatch, database: Database, signed_in_as: SignedInAs
) -> None:
    """A value that is not encrypted in the log cannot be left out of the bytes that are proved."""
    root, auditor = await signed_in_as(superuser=True), await signed_in_as("audit:read", "products:read")
    made = (await root.post("/products", {**product(), "price": "73.31"})).json()
    await root.post("/brands", {"name": "Another"})
    await seal_all(sealer_of(database))
    rules = FieldRules({"products:see-price": frozenset({"price", "price_places"})}, {}, ("price",))
    monkeypatch.setitem(table_of(Product).info, RULES, rules)
    query = {"entity": "product", "entity_id": made["id"]}

    listed = await auditor.get("/audit/changes", params=query)
    entry = listed.json()["items"][0]
    answers = {
        "evidence": await auditor.get("/audit/evidence/changes", params=query),
        "proof": await auditor.get(f"/audit/proofs/changes/{entry['seq']}"),
    }

    assert entry["changes"]["price"] == {"old": None, "new": MASKED}
    assert "73.31" not in listed.text
    assert set(refusals(answers).values()) == {(403, "permission-denied")}
    assert (await auditor.get("/audit/evidence/changes", params={"entity": "brand"})).status_code == 200
    assert (await root.get("/audit/evidence/changes", params=query)).status_code == 200


async def test_a_field_that_the_table_has_no_more_is_masked(
    monkeypatch: pytest.MonkeyPatch, signed_in_as: SignedInAs
) -> None:
    root, auditor = await signed_in_as(superuser=True), await signed_in_as("audit:read")
    made = (await root.post("/products", {**product(), "description": "Forgotten"})).json()
    rules = FieldRules({"products:see-price": frozenset({"price", "price_places"})}, {}, ("price",))
    monkeypatch.setitem(table_of(Product).info, RULES, rules)
    monkeypatch.setattr("app.modules.audit.changes.masks.columns_of", lambda _table: {"price", "name"})

    answer = await auditor.get("/audit/changes", params={"entity": "product", "entity_id": made["id"]})

    assert answer.json()["items"][0]["changes"]["description"]["new"] == MASKED
    assert answer.json()["items"][0]["changes"]["name"]["new"] == made["name"]
