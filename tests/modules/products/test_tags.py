"""The tags of a product: a set of items of another module."""

import csv
import io
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.links import MAX_MEMBERS
from app.core.db.pruning import hidden_rows
from app.core.db.references import referring_columns
from app.modules.products.models import ProductTag
from tests.answers import refusals, statuses
from tests.modules.audit.sealer.sealed import seal_all, sealer_of
from tests.modules.products.factory import PATH, body
from tests.people import Person, SignedInAs

EDITS = (
    "products:create",
    "products:update",
    "products:delete",
    "products:set-price",
    "products:export",
    "tags:create",
    "tags:update",
    "tags:delete",
)
NOWHERE = "01890000-0000-7000-8000-000000000000"


async def make_tags(person: Person, *names: str) -> list[str]:
    created = [await person.post("/tags", {"name": name}) for name in names]
    return [answer.raise_for_status().json()["id"] for answer in created]


async def make_product(person: Person, *tags: str) -> dict[str, Any]:
    product: dict[str, Any] = (await person.post(PATH, body())).raise_for_status().json()
    if tags:
        product = (await person.put(f"{PATH}/{product['id']}/tags", {"tag_ids": list(tags)})).raise_for_status().json()
    return product


def names_of(item: dict[str, Any]) -> list[str]:
    return [tag["name"] for tag in item["tags"]]


async def test_a_set_is_replaced(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as(*EDITS)
    sale, brass, oak = await make_tags(person, "sale", "Brass", "oak")
    product = await make_product(person)
    path = f"{PATH}/{product['id']}"

    first = await person.put(f"{path}/tags", {"tag_ids": [sale, brass, sale]})
    second = await person.put(f"{path}/tags", {"tag_ids": [oak, sale]})
    same = await person.put(f"{path}/tags", {"tag_ids": [sale, oak]})
    emptied = await person.put(f"{path}/tags", {"tag_ids": []})

    assert product["tags"] == []
    assert first.json()["tags"] == [{"id": brass, "name": "Brass"}, {"id": sale, "name": "sale"}]
    assert [answer.json()["version"] for answer in (first, second, same, emptied)] == [2, 3, 3, 4]
    assert [names_of(answer.json()) for answer in (second, same, emptied)] == [["oak", "sale"], ["oak", "sale"], []]
    assert (await person.get(path)).json() == emptied.json()


async def test_members_are_added_and_removed_one_by_one(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as(*EDITS)
    sale, oak = await make_tags(person, "sale", "oak")
    path = f"{PATH}/{(await make_product(person))['id']}"

    added = [await person.call("PUT", f"{path}/tags/{tag}") for tag in (sale, oak, oak)]
    removed = await person.delete(f"{path}/tags/{sale}")
    again = await person.delete(f"{path}/tags/{sale}")

    assert [(answer.status_code, answer.json()["version"]) for answer in added] == [(200, 2), (200, 3), (200, 3)]
    assert (removed.status_code, again.status_code) == (204, 404)
    assert names_of((await person.get(path)).json()) == ["oak"]
    listed = (await person.get(f"{path}/tags")).json()
    assert listed["items"] == [(await person.get(f"/tags/{oak}")).json()]


async def test_a_new_product_has_the_tags_of_its_body(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as(*EDITS, "audit:read")
    sale, oak = await make_tags(person, "sale", "oak")

    created = await person.post(PATH, {**body(), "tag_ids": [sale, oak, sale]}, headers={"X-Request-ID": "new"})
    bulk = await person.post(f"{PATH}/bulk", {"create": [{**body(), "tag_ids": [oak]}, body()]})

    assert (created.status_code, created.json()["version"], names_of(created.json())) == (201, 1, ["oak", "sale"])
    stored = await person.get(created.headers["location"].removeprefix("/api/v1"))
    assert (stored.json(), stored.headers["etag"]) == (created.json(), created.headers["etag"])
    assert [names_of(item) for item in bulk.json()["created"]] == [["oak"], []]
    entries = (await person.get("/audit/changes", params={"request_id": "new"})).json()["items"]
    assert sorted(entry["entity"] for entry in entries) == ["product", "product_tag", "product_tag"]


async def test_a_change_replaces_the_set_with_one_version(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as(*EDITS)
    sale, oak = await make_tags(person, "sale", "oak")
    path = f"{PATH}/{(await make_product(person, sale))['id']}"

    changed = await person.patch(path, {"name": "Desk", "tag_ids": [oak]}, headers={"If-Match": '"2"'})
    stale = await person.patch(path, {"tag_ids": []}, headers={"If-Match": '"2"'})
    same = await person.patch(path, {"tag_ids": [oak, oak]})
    kept = await person.patch(path, {"name": "Lamp"})
    bulk = await person.post(f"{PATH}/bulk", {"update": [{"id": kept.json()["id"], "changes": {"tag_ids": [sale]}}]})

    versions = [(answer.json()["version"], names_of(answer.json())) for answer in (changed, same, kept)]
    assert versions == [(3, ["oak"]), (3, ["oak"]), (4, ["oak"])]
    assert (stale.status_code, stale.json()["code"]) == (412, "stale-version")
    assert [(item["version"], names_of(item)) for item in bulk.json()["updated"]] == [(5, ["sale"])]
    assert (await person.get(path)).json() == bulk.json()["updated"][0]


async def test_a_set_in_a_body_is_checked(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as(*EDITS)
    blind = await signed_in_as("products:create", "products:update", "products:set-price")
    oak, gone = await make_tags(person, "oak", "gone")
    await person.delete(f"/tags/{gone}")
    path = f"{PATH}/{(await make_product(person, oak))['id']}"

    answers = {
        "unknown": await person.post(PATH, {**body(), "tag_ids": [oak, NOWHERE]}),
        "hidden": await person.patch(path, {"name": "Desk", "tag_ids": [oak, gone]}),
        "null": await person.patch(path, {"tag_ids": None}),
        "names": await person.patch(path, {"tags": [{"id": oak, "name": "oak"}]}),
        "create blind": await blind.post(PATH, {**body(), "tag_ids": [oak]}),
        "clear blind": await blind.patch(path, {"tag_ids": []}),
        "bulk": await person.post(f"{PATH}/bulk", {"create": [body(), {**body(), "tag_ids": [gone]}]}),
    }
    unnamed = await blind.post(PATH, {**body(), "tag_ids": []})

    assert {name: [(e["pointer"], e["code"]) for e in answer.json()["errors"]] for name, answer in answers.items()} == {
        "unknown": [("/body/tag_ids/1", "unknown-reference")],
        "hidden": [("/body/tag_ids/1", "unknown-reference")],
        "null": [("/body/tag_ids", "list-type")],
        "names": [("/body/tags", "read-only")],
        "create blind": [("/body/tag_ids", "permission-denied")],
        "clear blind": [("/body/tag_ids", "permission-denied")],
        "bulk": [("/body/create/1/tag_ids/0", "unknown-reference")],
    }
    assert statuses(answers) == dict.fromkeys(answers, 422)
    assert unnamed.status_code == 201
    assert len((await person.get(PATH)).json()["items"]) == 2
    assert (await person.get(path)).json()["version"] == 2


async def test_every_read_of_a_product_shows_its_tags(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as(*EDITS)
    tags = await make_tags(person, "oak", "a|b")
    product = await make_product(person, *tags)
    path = f"{PATH}/{product['id']}"

    changed = await person.patch(path, {"name": "Renamed"})
    unchanged = await person.patch(path, {})
    bulk = await person.post(f"{PATH}/bulk", {"update": [{"id": product["id"], "changes": {"name": "Bulk"}}]})
    table = await person.get(PATH, headers={"Accept": "text/csv"})

    shown = [changed.json(), unchanged.json(), *bulk.json()["updated"], *(await person.get(PATH)).json()["items"]]
    assert [names_of(item) for item in shown] == [["a|b", "oak"]] * 4
    (row,) = csv.DictReader(io.StringIO(table.text))
    assert row["tags"] == '"a|b"|oak'


async def test_a_list_of_products_with_tags_is_one_statement(
    database: Database, job: RequestContext, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as(*EDITS)
    tags = await make_tags(person, "oak", "sale")
    for _ in range(3):
        product = await make_product(person, *tags)
    statements: list[str] = []

    def note(statement: str, _values: Sequence[Any]) -> None:
        if "product" in statement:
            statements.append(statement)

    await person.get(PATH)
    database.reader.listeners.append(note)
    listed = await person.get(PATH)
    one = await person.get(f"{PATH}/{product['id']}")

    assert [names_of(item) for item in [*listed.json()["items"], one.json()]] == [["oak", "sale"]] * 4
    assert len(statements) == 2


async def test_a_stale_version_changes_no_set(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as(*EDITS)
    sale, oak = await make_tags(person, "sale", "oak")
    product = await make_product(person, oak)
    path = f"{PATH}/{product['id']}"

    stale = {
        "replace": await person.put(f"{path}/tags", {"tag_ids": [sale]}, headers={"If-Match": '"1"'}),
        "add": await person.call("PUT", f"{path}/tags/{sale}", headers={"If-Match": '"1"'}),
        "remove": await person.delete(f"{path}/tags/{oak}", headers={"If-Match": '"1"'}),
    }
    current = await person.get(path)
    fresh = await person.put(f"{path}/tags", {"tag_ids": []}, headers={"If-Match": current.headers["etag"]})

    assert statuses(stale) == dict.fromkeys(stale, 412)
    assert names_of(current.json()) == ["oak"]
    assert (fresh.status_code, fresh.headers["etag"]) == (200, '"3"')


async def test_a_renamed_or_hidden_tag_changes_the_etag_of_its_products(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as(*EDITS)
    sale, oak = await make_tags(person, "sale", "oak")
    path = f"{PATH}/{(await make_product(person, sale, oak))['id']}"
    tags = [(await person.get(path)).headers["etag"]]

    await person.patch(f"/tags/{sale}", {"name": "Sale!"})
    tags.append((await person.get(path)).headers["etag"])
    await person.delete(f"/tags/{sale}")
    tags.append((await person.get(path)).headers["etag"])

    assert len(set(tags)) == 3
    assert {tag.strip('"').partition(".")[0] for tag in tags} == {"2"}
    assert (await person.get(path, headers={"If-None-Match": tags[-1]})).status_code == 304


async def test_a_deleted_tag_is_in_no_set_until_it_is_restored(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as(*EDITS)
    sale, oak = await make_tags(person, "sale", "oak")
    path = f"{PATH}/{(await make_product(person, sale, oak))['id']}"

    deleted = await person.delete(f"/tags/{sale}")
    hidden = await person.get(path)
    listed = await person.get(f"{path}/tags")
    removed = await person.delete(f"{path}/tags/{sale}")
    await person.post(f"/tags/{sale}/restore")

    assert (deleted.status_code, removed.status_code) == (204, 404)
    assert names_of(hidden.json()) == [item["name"] for item in listed.json()["items"]] == ["oak"]
    assert names_of((await person.get(path)).json()) == ["oak", "sale"]


async def test_a_tag_that_is_removed_for_good_takes_its_links_along(
    database: Database, job: RequestContext, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as(*EDITS, "audit:read")
    sale, oak = await make_tags(person, "sale", "oak")
    product = await make_product(person, sale, oak)
    await person.delete(f"/tags/{sale}")

    (rule,) = [rule for rule in hidden_rows(timedelta(0)) if rule.table == "tag"]
    async with database.unit_of_work(job) as session:
        removed = await rule.remove(session, 10)

    links = (await person.get("/audit/changes", params={"entity": "product_tag", "action": "delete"})).json()["items"]
    assert (removed, [entry["changes"]["tag_id"]["old"] for entry in links]) == (2, [sale])
    assert names_of((await person.get(f"{PATH}/{product['id']}")).json()) == ["oak"]


async def test_a_restricted_member_cannot_be_deleted_while_it_is_in_a_set(
    signed_in_as: SignedInAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: a restricted reference of a table between two others was an internal error."""
    monkeypatch.setattr(ProductTag, "restricted_references", frozenset({"tag_id"}))
    referring_columns.cache_clear()
    person = await signed_in_as(*EDITS)
    (sale,) = await make_tags(person, "sale")
    product = await make_product(person, sale)

    in_use = await person.delete(f"/tags/{sale}")
    await person.delete(f"{PATH}/{product['id']}")
    unused = await person.delete(f"/tags/{sale}")

    referring_columns.cache_clear()
    assert (in_use.status_code, in_use.json()["code"], unused.status_code) == (409, "in-use", 204)


async def test_what_is_unknown_or_hidden_is_refused(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as(*EDITS)
    sale, gone = await make_tags(person, "sale", "gone")
    await person.delete(f"/tags/{gone}")
    path = f"{PATH}/{(await make_product(person, sale))['id']}"
    hidden = f"{PATH}/{(await make_product(person, sale))['id']}"
    await person.delete(hidden)

    invalid = [await person.put(f"{path}/tags", {"tag_ids": [sale, other]}) for other in (NOWHERE, gone)]
    unknown = {
        "tag": await person.call("PUT", f"{path}/tags/{NOWHERE}"),
        "hidden tag": await person.call("PUT", f"{path}/tags/{gone}"),
        "list": await person.get(f"{hidden}/tags"),
        "replace": await person.put(f"{hidden}/tags", {"tag_ids": []}),
        "add": await person.call("PUT", f"{hidden}/tags/{sale}"),
        "remove": await person.delete(f"{hidden}/tags/{sale}"),
        "no product": await person.get(f"{PATH}/{NOWHERE}/tags"),
        "no id": await person.call("PUT", f"{path}/tags/sale"),
    }

    for answer in invalid:
        assert answer.status_code == 422
        assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [
            ("/body/tag_ids/1", "unknown-reference")
        ]
    assert statuses(unknown) == dict.fromkeys(unknown, 404)
    assert names_of((await person.get(path)).json()) == ["sale"]


async def test_a_set_has_a_limit(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as(*EDITS)
    bulk = await person.post("/tags/bulk", {"create": [{"name": f"tag {n}"} for n in range(MAX_MEMBERS + 1)]})
    *most, last = [item["id"] for item in bulk.json()["created"]]
    path = f"{PATH}/{(await make_product(person, *most))['id']}"

    answers = {
        "add": await person.call("PUT", f"{path}/tags/{last}"),
        "replace": await person.put(f"{path}/tags", {"tag_ids": [*most, last]}),
    }

    assert refusals(answers) == {"add": (409, "set-is-full"), "replace": (422, "invalid-fields")}
    assert (await person.call("PUT", f"{path}/tags/{most[0]}")).status_code == 200


async def test_a_list_of_the_set_can_be_sent_back_if_it_is_whole(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as(*EDITS)
    brass, oak, sale = await make_tags(person, "brass", "oak", "sale")
    path = f"{PATH}/{(await make_product(person, brass, oak, sale))['id']}/tags"
    whole, part = (await person.get(path)).json(), (await person.get(path, params={"limit": 2, "total": "true"})).json()
    fewer = {**whole, "items": whole["items"][:1]}

    answers = {
        "whole": await person.put(path, whole),
        "a page of it": await person.put(path, part),
        "both": await person.put(path, {"items": [], "tag_ids": []}),
        "neither": await person.put(path, {}),
        "another field": await person.put(path, {"items": [{"id": oak, "colours": "red"}]}),
        "unknown": await person.put(path, {"items": [{"id": oak}, {"id": NOWHERE}]}),
        "fewer": await person.put(path, fewer),
    }

    kept = {"whole": 200, "fewer": 200}
    assert statuses(answers) == {name: kept.get(name, 422) for name in answers}
    errors = {name: answers[name].json()["errors"][0] for name in answers if name not in kept}
    assert {name: (error["pointer"], error["code"]) for name, error in errors.items()} == {
        "a page of it": ("/body", "incomplete-set"),
        "both": ("/body", "one-list"),
        "neither": ("/body", "one-list"),
        "another field": ("/body/items/0/colours", "unknown-field"),
        "unknown": ("/body/items/1/id", "unknown-reference"),
    }
    assert names_of((await person.get(path.removesuffix("/tags"))).json()) == ["brass"]


async def test_both_modules_decide_who_may_change_a_set(signed_in_as: SignedInAs) -> None:
    owner = await signed_in_as(*EDITS)
    (sale,) = await make_tags(owner, "sale")
    path = f"{PATH}/{(await make_product(owner, sale))['id']}/tags"

    for held, reads, writes in (
        (("products:read",), False, False),
        (("products:update",), False, False),
        (("tags:update", "products:read"), True, False),
        (("products:update", "tags:read"), True, True),
    ):
        person = await signed_in_as(*held)
        read = await person.get(path)
        write = await person.put(path, {"tag_ids": []})
        assert (read.status_code == 200, write.status_code == 200) == (reads, writes), held
        assert [answer.status_code for answer in (read, write) if answer.status_code != 200] == [403] * (
            2 - reads - writes
        )


async def test_the_histories_of_both_sides_tell_of_a_link(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as(*EDITS, "audit:read")
    sale, oak = await make_tags(person, "sale", "oak")
    product = await make_product(person, sale)
    path = f"{PATH}/{product['id']}"
    await make_product(person, sale)
    await person.put(f"{path}/tags", {"tag_ids": [oak]}, headers={"X-Request-ID": "swap"})

    entries = (await person.get("/audit/changes", params={"request_id": "swap"})).json()["items"]
    of_product, of_sale, of_oak = [
        (await person.get(f"{place}/history", params={"sort": "id"})).json()["items"]
        for place in (path, f"/tags/{sale}", f"/tags/{oak}")
    ]

    swap = [("product", "update"), ("product_tag", "create"), ("product_tag", "delete")]
    assert sorted((entry["entity"], entry["action"]) for entry in entries) == swap
    assert sorted((entry["entity"], entry["action"]) for entry in of_product[3:]) == swap
    assert len(of_product) == 6
    assert [(entry["entity"], entry["action"]) for entry in of_sale] == [
        ("tag", "create"),
        ("product_tag", "create"),
        ("product_tag", "create"),
        ("product_tag", "delete"),
    ]
    assert of_sale[1]["changes"]["product_id"]["new"] == product["id"]
    assert of_sale[3]["changes"]["tag_id"]["old"] == sale
    assert [entry["action"] for entry in of_oak] == ["create", "create"]
    pages = [(await person.get(f"/tags/{sale}/history", params={"limit": 2})).json()]
    pages.append(
        (await person.get(f"/tags/{sale}/history", params={"limit": 2, "cursor": pages[0]["next_cursor"]})).json()
    )
    assert [entry["id"] for page in pages for entry in page["items"]] == [entry["id"] for entry in reversed(of_sale)]


async def instants(person: Person, path: str) -> list[str]:
    """When each version of a product was written, the first one first."""
    params = {"sort": "id", "limit": "100"}
    entries = (await person.get(f"{path}/history", params=params)).json()["items"]
    return [entry["at"] for entry in entries if entry["entity"] == "product"]


async def test_a_past_state_has_the_tags_of_then(database: Database, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as(*EDITS, "audit:read")
    sale, oak, elm = await make_tags(person, "sale", "oak", "elm")
    product = (await person.post(PATH, {**body(), "tag_ids": [sale, oak]})).json()
    path = f"{PATH}/{product['id']}"
    await make_product(person, elm)
    await person.patch(path, {"name": "Desk", "tag_ids": [oak, elm]})
    await person.put(f"{path}/tags", {"tag_ids": [oak]})
    await person.delete(f"/tags/{oak}")
    await person.patch(path, {"name": "Bench"})
    await person.post(f"/tags/{oak}/restore")
    await seal_all(sealer_of(database))

    async def state(**point: Any) -> Any:
        return (await person.get(f"{path}/as-of", params=point)).raise_for_status().json()["tag_ids"]

    at = await instants(person, path)
    first, *_, last = (await person.get(f"{path}/history", params={"sort": "id"})).json()["items"]
    assert [await state(at=each) for each in at] == [sorted([sale, oak]), sorted([oak, elm]), [oak], []]
    assert await state(at="9000-01-01T00:00:00Z") == [oak]
    assert await state(seq=first["seq"]) == sorted([sale, oak])
    assert await state(seq=last["seq"]) == []
    changes = (await person.get(f"{path}/diff", params={"from": at[0], "to": at[1]})).json()["changes"]
    assert changes["tag_ids"] == {"old": sorted([sale, oak]), "new": sorted([oak, elm])}
    assert "tag_ids" not in (await person.get(f"{path}/diff", params={"from": at[2]})).json()["changes"]


async def test_a_revert_brings_the_tags_of_then_back(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as(*EDITS, "audit:read")
    sale, oak, elm = await make_tags(person, "sale", "oak", "elm")
    product = (await person.post(PATH, {**body(), "tag_ids": [sale, oak]})).json()
    path = f"{PATH}/{product['id']}"
    await person.patch(path, {"name": "Desk", "tag_ids": [elm]})
    (at, _) = await instants(person, path)
    reason = {"Audit-Reason": "relabelled by mistake"}

    dry = await person.post(f"{path}/revert", {"at": at}, headers=reason, params={"dry_run": "true"})
    name_only = await person.post(f"{path}/revert", {"at": at, "fields": ["name"]}, headers=reason)
    reverted = await person.post(f"{path}/revert", {"at": at, "fields": ["tag_ids"]}, headers=reason)
    again = await person.post(f"{path}/revert", {"at": at}, headers=reason)

    assert dry.json()["changes"]["tag_ids"] == {"old": [elm], "new": sorted([sale, oak])}
    assert (name_only.json()["name"], names_of(name_only.json())) == ("Lamp", ["elm"])
    assert [(answer.json()["version"], names_of(answer.json())) for answer in (reverted, again)] == [
        (4, ["oak", "sale"])
    ] * 2
    entries = (await person.get(f"{path}/history", params={"limit": 4})).json()["items"]
    assert {entry["reverted_to"] for entry in entries} == {entries[0]["reverted_to"]}
    assert sorted(entry["entity"] for entry in entries) == ["product", *["product_tag"] * 3]


async def test_a_revert_to_a_deleted_tag_is_refused(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as(*EDITS)
    sale, oak = await make_tags(person, "sale", "oak")
    product = (await person.post(PATH, {**body(), "tag_ids": [sale, oak]})).json()
    path = f"{PATH}/{product['id']}"
    await person.patch(path, {"name": "Desk", "tag_ids": []})
    await person.delete(f"/tags/{oak}")
    (at, _) = await instants(person, path)
    blind = await signed_in_as("products:update")

    refused, unseen = [
        await one.post(f"{path}/revert", {"at": at}, headers={"Audit-Reason": "mistake"}) for one in (person, blind)
    ]
    await person.post(f"/tags/{oak}/restore")
    reverted = await person.post(f"{path}/revert", {"at": at}, headers={"Audit-Reason": "mistake"})

    assert (refused.status_code, refused.json()["code"]) == (409, "cannot-revert")
    (error,) = refused.json()["errors"]
    assert (error["code"], error["params"]) == ("unknown-reference", {"id": oak})
    assert error["detail"] == "What this referred to then was deleted since; restore that first."
    assert [(e["pointer"], e["code"]) for e in unseen.json()["errors"]] == [("/body/tag_ids", "permission-denied")]
    assert names_of(reverted.json()) == ["oak", "sale"]


async def upload(person: Person, content: str, kind: str = "text/csv", **params: Any) -> Any:
    headers = {"Content-Type": kind}
    return await person.post(f"{PATH}/import", content=content.encode(), headers=headers, params=params)


async def test_an_import_names_tags(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as(*EDITS, "audit:read")
    await make_tags(person, "oak", "a|b", "Sale")
    cells = ["A,Lamp,1,EUR,oak| SALE |oak", 'B,Lamp,1,EUR,"""a|b"""', "C,Lamp,1,EUR,"]
    lines = ['{"sku":"D","name":"L","price":"1","currency":"EUR","tags":["oak",{"id":"x","name":"sale"}]}']

    table = await upload(person, "\n".join(["sku,name,price,currency,tags", *cells]))
    documents = await upload(person, "\n".join(lines), "application/x-ndjson")

    assert (table.json()["created"], documents.json()["created"]) == (3, 1)
    items = (await person.get(PATH, params={"sort": "sku"})).json()["items"]
    assert [names_of(item) for item in items] == [["oak", "Sale"], ["a|b"], [], ["oak", "Sale"]]
    assert [item["version"] for item in items] == [1] * 4
    unchanged = await person.patch(f"{PATH}/{items[0]['id']}", {})
    assert unchanged.json() == items[0]
    links = (await person.get("/audit/changes", params={"entity": "product_tag"})).json()["items"]
    assert [entry["action"] for entry in links] == ["create"] * 5


async def export(person: Person, **params: Any) -> str:
    answer = await person.get(PATH, params={"sort": "sku", "format": "csv", **params})
    return answer.raise_for_status().text


@pytest.mark.parametrize("mode", ["update", "upsert"])
async def test_an_edited_export_changes_tags(signed_in_as: SignedInAs, mode: str) -> None:
    person = await signed_in_as(*EDITS, "audit:read")
    oak, sale = await make_tags(person, "oak", "Sale")
    for sku, tags in (("A", [oak]), ("B", [oak, sale]), ("C", []), ("D", [oak])):
        await person.post(PATH, {**body(), "sku": sku, "tag_ids": tags})
    table = await export(person)
    edited = [line.replace('"oak|Sale"', '"sale|OAK"') for line in table.splitlines()]
    assert [line.rpartition(",")[2] for line in edited[1:]] == ['"oak"', '"sale|OAK"', '""', '"oak"']
    edited[1] = edited[1].removesuffix('"oak"') + '"SALE"'
    edited[3] = edited[3].removesuffix('""') + '"oak|Sale"'
    edited[4] = edited[4].removesuffix('"oak"') + '""'
    sent = "\r\n".join(edited)

    dry = await upload(person, sent, mode=mode, dry_run="true")
    before = await export(person)
    report = (await upload(person, sent, mode=mode)).json()
    again = (await upload(person, await export(person), mode=mode)).json()

    assert before == table
    assert [report[name] for name in ("created", "updated", "unchanged", "failed")] == [0, 3, 1, 0]
    assert {line["line"]: line["fields"] for line in report["lines"]} == {2: ["tags"], 4: ["tags"], 5: ["tags"]}
    assert [(line["line"], line["fields"]) for line in dry.json()["lines"]] == [
        (line["line"], line["fields"]) for line in report["lines"]
    ]
    items = (await person.get(PATH, params={"sort": "sku"})).json()["items"]
    assert [names_of(item) for item in items] == [["Sale"], ["oak", "Sale"], ["oak", "Sale"], []]
    assert [item["version"] for item in items] == [2, 1, 2, 2]
    assert (again["updated"], again["unchanged"]) == (0, 4)


async def test_a_row_of_an_upsert_creates_an_item_with_tags(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as(*EDITS)
    (oak,) = await make_tags(person, "oak")
    await person.post(PATH, {**body(), "sku": "A", "tag_ids": [oak]})
    lines = ['{"sku":"A","tags":[]}', '{"sku":"B","name":"L","price":"1","currency":"EUR","tags":["OAK"]}']

    made = await upload(person, "\n".join(lines), "application/x-ndjson", mode="upsert")
    unknown = await upload(person, "sku,tags\nA,oak|pine\nB,\n", mode="upsert", on_error="stop")
    stale = await upload(person, "sku,version,tags\nA,1,oak\n", mode="upsert")

    assert [made.json()[name] for name in ("created", "updated", "failed")] == [1, 1, 0]
    items = (await person.get(PATH, params={"sort": "sku"})).json()["items"]
    assert [(item["version"], names_of(item)) for item in items] == [(2, []), (1, ["oak"])]
    assert [(e["pointer"], e["code"]) for e in unknown.json()["errors"]] == [("/body/2/tags", "unknown-reference")]
    assert [(e["pointer"], e["code"]) for e in stale.json()["errors"]] == [("/body/2/version", "stale-version")]


async def test_an_importable_export_has_the_tags(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as(*EDITS)
    (oak,) = await make_tags(person, "oak")
    product = (await person.post(PATH, {**body(), "sku": "A", "tag_ids": [oak]})).json()
    table = await export(person, columns="importable")
    await person.delete(f"{PATH}/{product['id']}")

    again = await upload(person, table)

    assert table.splitlines()[0].endswith('"tags"')
    assert again.json()["created"] == 1
    assert [names_of(item) for item in (await person.get(PATH)).json()["items"]] == [["oak"]]


@pytest.mark.parametrize("dry_run", [True, False])
async def test_unknown_names_in_a_file_are_found_by_their_line(signed_in_as: SignedInAs, dry_run: bool) -> None:
    person = await signed_in_as(*EDITS)
    _, gone = await make_tags(person, "oak", "gone")
    await person.delete(f"/tags/{gone}")
    rows = ["sku,name,price,currency,tags", "A,Lamp,1,EUR,oak", "B,Lamp,1,EUR,oak|pine|elm", "C,Lamp,1,EUR,gone"]

    answer = await upload(person, "\n".join(rows), dry_run=str(dry_run).lower())

    errors = [(e["pointer"], e["code"], e["detail"]) for e in answer.json()["errors"]]
    assert answer.status_code == (200 if dry_run else 422)
    assert errors == [
        ("/body/3/tags", "unknown-reference", "There is no tag named “pine”, “elm”."),
        ("/body/4/tags", "unknown-reference", "There is no tag named “gone”."),
    ]
    assert (await person.get(PATH)).json()["items"] == []


async def test_who_may_not_read_tags_does_not_name_them(signed_in_as: SignedInAs) -> None:
    owner, person = await signed_in_as(*EDITS), await signed_in_as("products:create", "products:set-price")
    await make_tags(owner, "oak")

    refused = await upload(person, "sku,name,price,currency,tags\nA,Lamp,1,EUR,oak\n")
    without = await upload(person, "sku,name,price,currency,tags\nA,Lamp,1,EUR,\n")
    editor = await signed_in_as("products:update")
    cleared = await upload(owner, "sku,tags\nA,oak\n", mode="update")
    refusals_of_editor = [await upload(editor, f"sku,tags\nA,{cell}\n", mode="update") for cell in ("sale", "")]
    unedited = await upload(editor, "sku,name,tags\nA,Desk,oak\n", mode="update")

    assert refused.status_code == 422
    assert [(e["pointer"], e["code"]) for e in refused.json()["errors"]] == [("/body/2/tags", "permission-denied")]
    assert without.json()["created"] == 1
    assert cleared.json()["updated"] == unedited.json()["updated"] == 1
    for answer in refusals_of_editor:
        assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [("/body/2/tags", "permission-denied")]
