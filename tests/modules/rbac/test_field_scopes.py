"""Actions of fields that are held for some rows only, by callers who read or change more rows than those."""

import csv
import io
import json
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.contract.governed import names_of, questions, texts_of
from tests.modules.brands import factory as brands
from tests.modules.customers import factory as customers
from tests.modules.products import factory as products
from tests.people import Person, SignedInAs

NDJSON = "application/x-ndjson"
WHY = {"Audit-Reason": "A mistake"}
BRANDS = ("brands:read", "brands:create")


@dataclass
class Scene:
    """Who changes all rows, and holds the action of a field in a scope; one item in that scope, and one outside."""

    root: Person
    caller: Person
    path: str
    inside: str
    outside: str
    values: dict[str, Any]
    """Another value of a field that needs the action."""
    permission: str

    @property
    def field(self) -> str:
        return next(iter(self.values))

    def one(self, item: str) -> str:
        return f"{self.path}/{item}"

    async def upload(self, row: dict[str, Any], **query: str) -> httpx.Response:
        headers = {"Content-Type": NDJSON}
        return await self.caller.post(f"{self.path}/import", content=json.dumps(row), params=query, headers=headers)

    def assert_refused(self, answer: httpx.Response, pointer: str) -> None:
        assert (answer.status_code, answer.json()["code"]) == (403, "permission-denied"), answer.text
        [error] = [each for each in answer.json()["errors"] if each["params"]["field"] == self.field]
        assert error["params"]["permission"] == self.permission
        assert error["pointer"] == f"{pointer}/{self.field}"
        assert error["detail"].endswith("for this item.")


async def make(person: Person, factory: Any, **values: Any) -> str:
    answer = await person.post(factory.PATH, {**factory.body(), **values})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def of_products(signed_in_as: SignedInAs) -> Scene:
    root = await signed_in_as(superuser=True)
    own = ("products:set-price@brands", "products:create@brands")
    caller = await signed_in_as("products:update", *own, *BRANDS)
    brand = await make(caller, brands)
    inside, outside = await make(root, products, brand_id=brand), await make(root, products)
    return Scene(root, caller, products.PATH, inside, outside, {"price": "1.00"}, "products:set-price")


async def of_customers(signed_in_as: SignedInAs) -> Scene:
    root = await signed_in_as(superuser=True)
    own = ("customers:read-personal@own", "customers:create@own", "customers:export@own")
    caller = await signed_in_as("customers:update", *own)
    inside, outside = await make(caller, customers), await make(root, customers)
    return Scene(root, caller, customers.PATH, inside, outside, {"phone": "+4930901820"}, "customers:read-personal")


SCENES = {"products": of_products, "customers": of_customers}
modules = pytest.mark.parametrize("scene", SCENES, indirect=True)


@pytest.fixture
async def scene(request: pytest.FixtureRequest, signed_in_as: SignedInAs) -> Scene:
    return await SCENES[request.param](signed_in_as)


@modules
async def test_a_field_is_written_in_the_rows_of_its_action(scene: Scene) -> None:
    written = await scene.caller.patch(scene.one(scene.inside), scene.values)
    refused = await scene.caller.patch(scene.one(scene.outside), scene.values)
    hidden = await scene.root.delete(scene.one(scene.outside))
    gone = await scene.caller.patch(scene.one(scene.outside), scene.values)

    assert (written.status_code, hidden.status_code, gone.status_code) == (200, 204, 404)
    assert written.json()[scene.field] == scene.values[scene.field]
    scene.assert_refused(refused, "/body")


@modules
async def test_a_bulk_request_writes_all_or_none(scene: Scene) -> None:
    both = [{"id": item, "changes": scene.values} for item in (scene.inside, scene.outside)]
    refused = await scene.caller.post(f"{scene.path}/bulk", {"update": both})
    written = await scene.caller.post(f"{scene.path}/bulk", {"update": both[:1]})

    scene.assert_refused(refused, "/body/update/1/changes")
    assert written.status_code == 200


@modules
@pytest.mark.parametrize("mode", ["update", "upsert"])
@pytest.mark.parametrize("dry_run", ["true", "false"])
async def test_an_import_writes_in_the_rows_of_the_action(scene: Scene, mode: str, dry_run: str) -> None:
    query = {"mode": mode, "dry_run": dry_run}
    refused = await scene.upload({"id": scene.outside, **scene.values}, **query)
    written = await scene.upload({"id": scene.inside, **scene.values}, **query)

    scene.assert_refused(refused, "/body/1")
    assert (written.status_code, written.json()["updated"]) == (200, 1), written.text
    stored = (await scene.root.get(scene.one(scene.inside))).json()[scene.field]
    assert (stored == scene.values[scene.field]) == (dry_run == "false")


@modules
async def test_a_revert_writes_in_the_rows_of_the_action(scene: Scene) -> None:
    for item in (scene.inside, scene.outside):
        assert (await scene.root.patch(scene.one(item), scene.values)).status_code == 200

    answers = {}
    for item in (scene.inside, scene.outside):
        created = (await scene.root.get(f"{scene.one(item)}/history")).json()["items"][-1]
        body = {"at": created["at"], "fields": [scene.field]}
        answers[item] = await scene.caller.post(f"{scene.one(item)}/revert", body, headers=WHY)

    assert answers[scene.inside].status_code == 200, answers[scene.inside].text
    scene.assert_refused(answers[scene.outside], "/body")


async def test_a_new_item_is_in_the_scope_or_has_no_value(signed_in_as: SignedInAs) -> None:
    """A product of the brand of another is created by who may, but not priced."""
    scene = await of_products(signed_in_as)
    caller = await signed_in_as("products:create", "products:set-price@brands", *BRANDS)
    brand = await make(caller, brands)
    owned, other = ({**products.body(), **values} for values in ({"brand_id": brand}, {}))

    assert (await caller.post(products.PATH, owned)).status_code == 201
    scene.assert_refused(await caller.post(products.PATH, other), "/body")
    bulk = await caller.post(f"{products.PATH}/bulk", {"create": [other]})
    scene.assert_refused(bulk, "/body/create/0")
    scene.caller = caller
    for dry_run in ("true", "false"):
        scene.assert_refused(await scene.upload({**products.body()}, mode="create", dry_run=dry_run), "/body/1")


async def test_a_row_of_a_file_finds_an_item_by_what_the_caller_may_read(signed_in_as: SignedInAs) -> None:
    """Else it would tell whose address is whose. That an address is taken, creating an item tells as well."""
    scene = await of_customers(signed_in_as)
    emails = {item: (await scene.root.get(scene.one(item))).json()["email"] for item in (scene.inside, scene.outside)}

    def row(email: str) -> dict[str, Any]:
        return {**customers.body(), "email": email, "notes": "Found"}

    found = await scene.upload(row(emails[scene.inside]), mode="update", dry_run="true")
    outside = await scene.upload(row(emails[scene.outside]), mode="update", dry_run="true")
    nowhere = await scene.upload(row("nobody.else@example.com"), mode="update", dry_run="true")
    taken = await scene.upload(row(emails[scene.outside]), mode="upsert")

    assert found.json()["updated"] == 1
    assert (outside.status_code, outside.json()["errors"]) == (nowhere.status_code, nowhere.json()["errors"])
    assert (taken.status_code, taken.json()["errors"][0]["code"]) == (422, "already-exists")


async def test_who_leaves_a_value_as_it_is_needs_no_action_to_write_it(signed_in_as: SignedInAs) -> None:
    scene = await of_products(signed_in_as)
    stored = (await scene.root.get(scene.one(scene.outside))).json()

    answer = await scene.caller.patch(scene.one(scene.outside), {"price": stored["price"], "name": "Renamed"})

    assert (answer.status_code, answer.json()["name"]) == (200, "Renamed")


@dataclass
class Readers(Scene):
    """Who reads all customers, and the personal data of the own ones only."""

    @property
    def canaries(self) -> set[str]:
        """Texts of the customer outside."""
        return texts_of(customers.MASKED[1])

    def assert_shown(self, item: dict[str, Any]) -> None:
        masked = [] if item["id"] == self.inside else names_of(customers)
        assert item["masked_fields"] == masked
        assert [name for name in names_of(customers) if item[name] is None] == masked


@pytest.fixture
async def readers(signed_in_as: SignedInAs) -> Readers:
    root = await signed_in_as(superuser=True)
    own = ("customers:read-personal@own", "customers:create@own")
    caller = await signed_in_as("customers:read", "customers:update", "customers:delete", "customers:export", *own)
    inside = await make(caller, customers, **customers.MASKED[0])
    outside = await make(root, customers, **customers.MASKED[1])
    values, permission = {"phone": "+4930901820"}, "customers:read-personal"
    return Readers(root, caller, customers.PATH, inside, outside, values, permission)


async def test_a_field_is_read_in_the_rows_of_its_action(readers: Readers) -> None:
    paths = [readers.one(item) for item in (readers.inside, readers.outside)]
    items = [(await readers.caller.get(path)).json() for path in paths]
    items += (await readers.caller.get(readers.path)).json()["items"]
    file = await readers.caller.get(readers.path, headers={"Accept": NDJSON})
    items += map(json.loads, file.text.splitlines())
    table = await readers.caller.get(readers.path, headers={"Accept": "text/csv"})
    some = await readers.caller.get(readers.path, params={"fields": "phone"})

    assert len(items) == 6
    for item in items:
        readers.assert_shown(item)
    for answer in (file, table, some):
        assert texts_of(customers.MASKED[0]) & {text for text in texts_of(customers.MASKED[0]) if text in answer.text}
        assert [text for text in readers.canaries if text in answer.text] == []
    rows = {row["id"]: row["masked_fields"] for row in csv.DictReader(io.StringIO(table.text))}
    assert {item: json.loads(masked) for item, masked in rows.items()} == {
        readers.inside: [],
        readers.outside: names_of(customers),
    }


async def test_a_file_of_both_kinds_of_rows_is_imported_again(readers: Readers) -> None:
    for kind in (NDJSON, "text/csv"):
        file = (await readers.caller.get(readers.path, headers={"Accept": kind})).content
        for person in (readers.caller, readers.root):
            options = {"params": {"mode": "update"}, "headers": {"Content-Type": kind}}
            report = await person.post(f"{readers.path}/import", content=file, **options)
            assert (report.status_code, report.json()["unchanged"]) == (200, 2), report.text


async def test_the_entity_tag_is_that_of_what_is_shown(readers: Readers) -> None:
    tags = {}
    for item in (readers.inside, readers.outside):
        for name, person in (("caller", readers.caller), ("root", readers.root)):
            tags[item, name] = (await person.get(readers.one(item))).headers["etag"]
    headers = {"If-None-Match": tags[readers.outside, "caller"]}
    same = await readers.caller.get(readers.one(readers.outside), headers=headers)
    again = await readers.root.get(readers.one(readers.outside), headers=headers)

    assert tags[readers.inside, "caller"] == tags[readers.inside, "root"]
    assert tags[readers.outside, "caller"] != tags[readers.outside, "root"]
    assert (same.status_code, again.status_code) == (304, 200)


async def test_answers_of_writes_show_what_a_read_shows(readers: Readers) -> None:
    bulk = {"update": [{"id": item, "changes": {"status": "blocked"}} for item in (readers.inside, readers.outside)]}
    items = (await readers.caller.post(f"{readers.path}/bulk", bulk)).json()["updated"]
    tags = {}
    for item in (readers.inside, readers.outside):
        changed = await readers.caller.patch(readers.one(item), {"status": "active"})
        tags[item] = changed.headers["etag"]
        assert tags[item] == (await readers.caller.get(readers.one(item))).headers["etag"]
        assert (await readers.caller.delete(readers.one(item))).status_code == 204
        hidden = await readers.caller.get(readers.path, params={"deleted": "only"})
        restored = await readers.caller.post(f"{readers.one(item)}/restore")
        items += [changed.json(), *hidden.json()["items"], restored.json()]

    assert len(items) == 8
    for each in items:
        readers.assert_shown(each)


async def test_no_question_is_answered_by_what_is_masked_in_some_rows(readers: Readers) -> None:
    asked = list(questions(customers, customers.MASKED[1]))
    for path, query in asked:
        answer = await readers.caller.get(f"{readers.path}{path}", params=query)
        assert (answer.status_code, answer.json()["code"]) == (403, "permission-denied"), query
        [error] = answer.json()["errors"]
        assert error["params"]["permission"] == readers.permission
        assert error["detail"].endswith("for all that you may read.")
    assert len(asked) > 20


async def test_a_question_about_the_rows_of_the_action_is_answered(signed_in_as: SignedInAs) -> None:
    caller = await signed_in_as("customers:create@own", "customers:read-personal@own")
    await make(caller, customers, **customers.MASKED[0])

    for path, query in questions(customers, customers.MASKED[0]):
        answer = await caller.get(f"{customers.PATH}{path}", params=query)
        assert answer.status_code == 200, answer.text
    wider = await signed_in_as("customers:create@own", "customers:read-personal@own", "customers:export@own")
    assert (await wider.get(customers.PATH, params={"sort": "email"}, headers={"Accept": NDJSON})).status_code == 200


async def test_the_history_of_an_item_shows_what_the_item_shows(readers: Readers) -> None:
    for item in (readers.inside, readers.outside):
        path = readers.one(item)
        created = (await readers.root.get(f"{path}/history")).json()["items"][-1]["at"]
        assert (await readers.root.patch(path, {"phone": "+4930901821"})).status_code == 200
        history = await readers.caller.get(f"{path}/history")
        state = await readers.caller.get(f"{path}/as-of", params={"at": created})
        difference = await readers.caller.get(f"{path}/diff", params={"from": created})
        told = [
            history.json()["items"][0]["changes"]["phone"]["new"],
            state.json()["phone"],
            difference.json()["changes"]["phone"]["old"],
        ]
        hidden = {"$masked": True}
        shown = ["+4930901821", customers.MASKED[0]["phone"], customers.MASKED[0]["phone"]]
        assert told == (shown if item == readers.inside else [hidden] * 3)
        texts = history.text + state.text + difference.text
        assert item == readers.inside or [text for text in readers.canaries if text in texts] == []


async def test_the_log_of_all_items_needs_the_action_for_all(readers: Readers, signed_in_as: SignedInAs) -> None:
    """Auditors read of all rows; what a row was in before, the log of many does not know."""
    auditor = await signed_in_as("audit:read", "customers:read", "customers:read-personal@own")
    own = await signed_in_as("customers:audit", "customers:read-personal@own", "customers:read")
    for person in (auditor, own):
        log = await person.get("/audit/changes", params={"entity": "customer"})
        feed = await person.get("/audit/feed", params={"after": 0})
        for answer in (log, feed):
            texts = readers.canaries | texts_of(customers.MASKED[0])
            assert [text for text in texts if text in answer.text] == []
        assert log.json()["items"][0]["changes"]["phone"]["new"] == {"$masked": True}
