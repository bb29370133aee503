"""Reverting an item: a change by its module, with a reason, that names its source, or a refusal that says why not."""

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import insert, select

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.modules.audit.models import AuditChange
from app.modules.brands.models import Brand
from app.modules.users import User
from tests.contract.resources import everything
from tests.modules.audit.erasure import destroy_keys
from tests.modules.audit.master_keys import change_by_sql
from tests.modules.audit.sealer.sealed import seal_all, sealer_of
from tests.modules.customers.factory import body as customer_body
from tests.modules.products.factory import body as product_body
from tests.modules.users.factory import body as user_body
from tests.people import Person, SignedInAs

WHY = {"Audit-Reason": "entered by mistake"}


async def make(person: Person, path: str, body: dict[str, Any], *changes: dict[str, Any]) -> str:
    """The path of a new item that was changed in these ways."""
    made = await person.post(path, body)
    assert made.status_code == 201, made.text
    item = f"{path}/{made.json()['id']}"
    for change in changes:
        answer = await person.patch(item, change)
        assert answer.status_code == 200, answer.text
    return item


async def points(person: Person, path: str) -> list[str]:
    """The instants of the entries of an item, the oldest first."""
    return [entry["at"] for entry in (await person.get(f"{path}/history", params={"sort": "id"})).json()["items"]]


async def revert(person: Person, path: str, at: str, **options: Any) -> httpx.Response:
    fields = {"fields": options.pop("fields")} if "fields" in options else {}
    headers = {**WHY, **options.pop("headers", {})}
    return await person.post(f"{path}/revert", {"at": at, **fields}, headers=headers, **options)


def reasons(answer: httpx.Response) -> set[tuple[str, str]]:
    """The fields that cannot be reverted, each with its code."""
    assert (answer.status_code, answer.json()["code"]) == (409, "cannot-revert"), answer.text
    return {(error["pointer"].removeprefix("/body/"), error["code"]) for error in answer.json()["errors"]}


def without_times(item: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name not in ("version", "updated_at")}


ADDRESS = {"line1": "Main Street 1", "line2": "Back door", "city": "Berlin", "country": "DE", "postal_code": "10115"}


async def test_an_item_becomes_what_it_was(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as(*everything("customers"))
    path = await make(person, "/customers", {**customer_body(), "address": ADDRESS, "birth_date": "1990-02-03"})
    before = (await person.get(path)).json()
    await person.patch(path, {"address": {"line2": None, "region": "Spree"}, "birth_date": None})
    await person.patch(path, {"first_name": "Else", "status": "blocked"})
    await person.patch(path, {"address": None})

    first, second, *_ = await points(person, path)
    partly = await revert(person, path, second)
    reverted = await revert(person, path, first)

    assert partly.status_code == 200, partly.text
    assert (partly.json()["address"]["region"], partly.json()["address"]["line2"]) == ("Spree", None)
    assert partly.json()["first_name"] == before["first_name"]
    assert (reverted.status_code, without_times(reverted.json())) == (200, without_times(before)), reverted.text
    assert (reverted.json()["version"], reverted.headers["etag"]) == (6, '"6"')
    assert (await person.get(path)).json() == reverted.json()


async def test_a_revert_is_a_change_that_names_its_source(signed_in_as: SignedInAs) -> None:
    person, auditor = await signed_in_as(*everything("products")), await signed_in_as("audit:read")
    path = await make(person, "/products", product_body(), {"name": "Other", "price": "1.5"}, {"price": "2.00"})
    first, second, third = (await person.get(f"{path}/history", params={"sort": "id"})).json()["items"]

    answer = await revert(person, path, second["at"], headers={"X-Request-ID": "reverting"})

    (entry,) = (await auditor.get("/audit/changes", params={"request_id": "reverting"})).json()["items"]
    assert answer.json()["price"] == "1.50"
    assert (entry["action"], entry["reverted_to"], entry["reason"]) == ("update", second["id"], "entered by mistake")
    assert set(entry["changes"]) == {"price", "version", "updated_at"}
    others = (await auditor.get("/audit/changes", params={"entity": "product"})).json()["items"]
    before = [row["reverted_to"] for row in others if row["id"] in {each["id"] for each in (first, second, third)}]
    assert before == [None] * 3
    again = await revert(person, path, entry["at"], headers={"X-Request-ID": "again"})
    assert (again.status_code, again.json()["version"]) == (200, 4), "it is what it was, so nothing changes"
    assert (await auditor.get("/audit/changes", params={"request_id": "again"})).json()["items"] == []


async def test_an_entry_is_a_point_too(database: Database, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as(*everything("tasks"))
    path = await make(person, "/tasks", {"title": "one"}, {"title": "two"}, {"title": "three"})
    await seal_all(sealer_of(database))
    first, second, _ = (await person.get(f"{path}/history", params={"sort": "id"})).json()["items"]

    by_number = await person.post(f"{path}/revert", {"at": second["seq"]}, headers=WHY)
    by_seq = await person.post(f"{path}/revert", {"seq": first["seq"]}, headers=WHY)

    assert [(a.status_code, a.json()["title"]) for a in (by_number, by_seq)] == [(200, "two"), (200, "one")]


async def test_a_revert_needs_a_reason_the_permission_and_a_point(signed_in_as: SignedInAs) -> None:
    person, reader = await signed_in_as(*everything("tasks")), await signed_in_as("tasks:read")
    path = await make(person, "/tasks", {"title": "one"}, {"title": "two"})
    first, _ = await points(person, path)

    silent = await person.post(f"{path}/revert", {"at": first})
    refused = await revert(reader, path, first)
    bodies: Iterable[Any] = ({}, {"seq": 0}, {"seq": "1"}, {"at": True}, {"at": 1.0}, {"seq": 1, "at": 1}, {"x": 1})
    unclear = [(await person.post(f"{path}/revert", body, headers=WHY)).status_code for body in bodies]
    unknown = await revert(person, path, first, fields=["colour"])

    assert (silent.status_code, silent.json()["errors"][0]["pointer"]) == (422, "/header/Audit-Reason")
    assert (refused.status_code, refused.json()["code"]) == (403, "permission-denied")
    assert unclear == [422] * 7
    assert (unknown.status_code, unknown.json()["errors"][0]["code"]) == (422, "unknown-field")
    assert (await revert(person, path, "2020-01-01T00:00:00Z")).status_code == 404, "it did not exist then"
    assert (await person.get(path)).json()["title"] == "two"


async def test_a_dry_run_shows_the_change_and_makes_none(signed_in_as: SignedInAs) -> None:
    person, auditor = await signed_in_as(*everything("customers")), await signed_in_as("audit:read")
    path = await make(person, "/customers", customer_body(), {"first_name": "Else", "phone": "+4930901820"})
    first, second = await points(person, path)

    shown = await revert(person, path, first, params={"dry_run": "true"}, headers={"Idempotency-Key": "one"})
    changes = shown.json()["changes"]

    assert (shown.status_code, shown.json()["dry_run"], shown.json()["effects"]) == (200, True, [])
    assert changes["first_name"] == {"old": "Else", "new": "Carla"}
    assert changes["phone"] == {"old": "+4930901820", "new": None}
    assert changes["version"] == {"old": 2, "new": 3}
    assert await points(auditor, path) == [first, second]
    real = await revert(person, path, first, headers={"Idempotency-Key": "one"})
    assert real.json()["first_name"] == "Carla", "the key is not used by a dry run"


async def test_it_is_idempotent_and_respects_versions(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as(*everything("tasks"))
    path = await make(person, "/tasks", {"title": "one"}, {"title": "two"})
    first, _ = await points(person, path)

    stale = await revert(person, path, first, headers={"If-Match": '"1"'})
    done = await revert(person, path, first, headers={"If-Match": '"2"', "Idempotency-Key": "k"})
    replayed = await revert(person, path, first, headers={"If-Match": '"2"', "Idempotency-Key": "k"})

    assert (stale.status_code, stale.json()["code"]) == (412, "stale-version")
    assert (done.status_code, replayed.json()) == (200, done.json())
    assert replayed.headers["idempotency-replayed"] == "true"
    assert len(await points(person, path)) == 3


async def test_erased_values_cannot_come_back(
    signed_in_as: SignedInAs, database: Database, job: RequestContext
) -> None:
    person = await signed_in_as(*everything("customers"))
    path = await make(person, "/customers", customer_body(), {"first_name": "Else", "status": "blocked"})
    first, _ = await points(person, path)
    await destroy_keys(database, UUID(path.rpartition("/")[2]))

    refused = await revert(person, path, first)
    rest = await revert(person, path, first, fields=["status"])

    assert reasons(refused) == {("first_name", "erased")}
    assert "Carla" not in refused.text
    assert (rest.status_code, rest.json()["first_name"], rest.json()["status"]) == (200, "Else", "active")


async def test_a_secret_is_not_set_back(signed_in_as: SignedInAs, database: Database, job: RequestContext) -> None:
    root = await signed_in_as(superuser=True)
    path = await make(root, "/users", {**user_body(), "first_name": "One"}, {"first_name": "Two"})
    first, _ = await points(root, path)
    async with database.unit_of_work(job) as session:
        chosen = select(User).where(User.id == UUID(path.rpartition("/")[2]))  # type: ignore[arg-type]
        (await session.execute(chosen)).scalar_one().password_hash = "other"

    refused = await revert(root, path, first)
    rest = await revert(root, path, first, fields=["first_name"])

    assert reasons(refused) == {("password_hash", "secret")}
    assert (rest.status_code, rest.json()["first_name"]) == (200, "One")


async def test_what_the_module_computes_is_not_set_back(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as(*everything("products"))
    path = await make(person, "/products", product_body(), {"name": "Other"})
    first, _ = await points(person, path)
    await person.post(f"{path}/stock-movements", {"delta": 3, "reason": "Delivered"})

    assert reasons(await revert(person, path, first)) == {("stock", "not-changeable")}
    assert (await person.get(path)).json()["name"] == "Other"
    assert (await revert(person, path, first, fields=["name"])).status_code == 200


async def test_a_reference_that_is_gone_and_a_value_that_is_taken_are_named(
    signed_in_as: SignedInAs, database: Database, job: RequestContext
) -> None:
    person = await signed_in_as(*everything("products"), *everything("brands"), *everything("tasks"), "users:create")
    brand = await make(person, "/brands", {"name": "Gone"})
    path = await make(
        person, "/products", {**product_body(), "sku": "A-1", "brand_id": brand.rpartition("/")[2]},
        {"brand_id": None, "sku": "A-2"},
    )  # fmt: skip
    first, _ = await points(person, path)
    await person.delete(brand)

    hidden = await revert(person, path, first)
    async with database.unit_of_work(job) as session:
        chosen = select(Brand).execution_options(include_deleted=True)
        session.remove((await session.execute(chosen)).scalar_one())
    removed = await revert(person, path, first)
    await make(person, "/products", {**product_body(), "sku": "a-1"})
    taken = await revert(person, path, first, fields=["sku"])

    assert reasons(hidden) == {("brand_id", "unknown-reference")}
    ((field, code),) = reasons(removed)
    assert (code, field in ("brand_id", "/body")) == ("unknown-reference", True), "SQLite does not name the column"
    assert (taken.status_code, taken.json()["code"]) == (409, "already-exists")
    assert "sku" in taken.json()["detail"]


async def test_a_foreign_key_without_a_target_is_named(
    signed_in_as: SignedInAs, database: Database, job: RequestContext
) -> None:
    """The database finds it, and not before the row is written."""
    person = await signed_in_as(*everything("tasks"))
    async with database.unit_of_work(job) as session:
        user = User(username="leaver", email="leaver@example.com")
        session.add(user)
    path = await make(person, "/tasks", {"title": "one", "assignee_id": str(user.id)}, {"assignee_id": None})
    first, _ = await points(person, path)
    async with database.unit_of_work(job) as session:
        session.remove((await session.execute(select(User).where(User.username == "leaver"))).scalar_one())  # type: ignore[arg-type]

    refused = await revert(person, path, first)

    ((field, code),) = reasons(refused)
    assert code == "unknown-reference"
    assert field in ("assignee_id", "/body"), "SQLite does not name the column"


async def test_rules_of_the_module_hold(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as(*everything("tasks"), *everything("categories"))
    task = await make(person, "/tasks", {"title": "one"}, {"status": "in_progress"}, {"status": "done"})
    top = await make(person, "/categories", {"name": "Top"})
    low = await make(person, "/categories", {"name": "Low", "parent_id": top.rpartition("/")[2]}, {"parent_id": None})
    await person.patch(top, {"parent_id": low.rpartition("/")[2]})

    transition = await revert(person, task, (await points(person, task))[1])
    cycle = await revert(person, low, (await points(person, low))[0])

    assert (transition.status_code, transition.json()["code"]) == (409, "invalid-transition")
    assert (cycle.status_code, cycle.json()["code"]) == (409, "category-cycle")


async def test_the_policy_guard_checks_a_revert(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as("users:update")
    path = await make(root, "/users", {**user_body(), "is_superuser": True}, {"is_superuser": False})
    first, second = await points(root, path)

    refused = await revert(person, path, first)
    shown = await revert(root, path, first, params={"dry_run": "true"})
    done = await revert(root, path, first)

    assert (refused.status_code, refused.json()["code"]) == (403, "cannot-grant")
    assert shown.json()["changes"]["is_superuser"] == {"old": False, "new": True}
    assert shown.json()["effects"][0]["gained"]
    assert (done.status_code, done.json()["is_superuser"]) == (200, True)
    assert len(await points(root, path)) == 3, second


async def test_deleting_and_restoring_are_not_reverted(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as(*everything("tasks"))
    path = await make(person, "/tasks", {"title": "one"})
    await person.delete(path)
    hidden = await person.post(f"{path}/revert", {"at": "9000-01-01T00:00:00Z"}, headers=WHY)
    await person.post(f"{path}/restore")
    _, deleted, _ = await points(person, path)

    assert (hidden.status_code, hidden.json()["code"]) == (404, "not-found")
    assert reasons(await revert(person, path, deleted)) == {("deleted_at", "was-deleted")}


async def test_values_and_fields_that_are_not_valid_any_more_are_named(
    signed_in_as: SignedInAs, database: Database
) -> None:
    person = await signed_in_as(*everything("tasks"))
    path = await make(person, "/tasks", {"title": "one"})
    (entry,) = (await person.get(f"{path}/history")).json()["items"]
    await person.patch(path, {"priority": "high"})
    start = datetime.fromisoformat(entry["at"])
    old = {"format": 1, "request_id": "old", "actor_kind": "system", "source": "hook", "redaction_version": "1"}
    states: list[dict[str, Any]] = [{"priority": "mild", "old_column": 1}, {"priority": "high", "old_column": 2}]
    for number, state in enumerate(states, 1):
        values = {**old, "action": "update", "entity": "task", "entity_id": entry["entity_id"]}
        changes = {name: {"new": value} for name, value in state.items()}
        values |= {"at": start + timedelta(hours=number), "changes": changes}
        await change_by_sql(database, insert(table_of(AuditChange)).values(values))
    then = (start + timedelta(hours=1)).isoformat()

    gone = await revert(person, path, then)
    invalid = await revert(person, path, then, fields=["priority"])

    assert reasons(gone) == {("old_column", "unknown-field")}
    assert reasons(invalid) == {("priority", "enum")}


async def test_a_change_at_the_same_moment_is_not_lost(signed_in_as: SignedInAs) -> None:
    """A revert of all fields also undoes what another changed in between, or that comes after it; never half of it."""
    person = await signed_in_as(*everything("tasks"))
    path = await make(person, "/tasks", {"title": "one", "description": "one"}, {"title": "two", "description": "two"})
    first, _ = await points(person, path)

    answers = await asyncio.gather(
        *(revert(person, path, first) for _ in range(4)),
        *(person.patch(path, {"title": f"t{n}", "description": f"t{n}"}) for n in range(4)),
    )

    assert {answer.status_code for answer in answers} <= {200, 409}
    for at in await points(person, path):
        state = (await person.get(f"{path}/as-of", params={"at": at})).json()
        assert state["title"] == state["description"]
