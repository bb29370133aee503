"""Rules of every declared resource: retries, bulk operations, imports and exports."""

import csv
import io
import json
from typing import Any

import pytest

from tests.answers import refusals, statuses
from tests.contract.resources import declared, everything, own_actions
from tests.people import Person, SignedInAs

resources = pytest.mark.parametrize("resource", declared().values(), ids=list(declared()))
NOWHERE = "01890000-0000-7000-8000-000000000000"


async def count(person: Person, resource: Any) -> int:
    total: int = (await person.get(resource.PATH, params={"total": "true"})).json()["total"]
    return total


def test_the_business_modules_are_declared() -> None:
    assert {"tasks", "products", "brands", "categories", "customers"} <= set(declared())


@resources
async def test_a_retry_gets_the_first_answer_and_has_no_second_effect(signed_in_as: SignedInAs, resource: Any) -> None:
    person = await signed_in_as(*everything(resource.SLUG))
    auditor = await signed_in_as("audit:read")
    body, headers = resource.body(), {"Idempotency-Key": "first", "X-Request-ID": "the-first"}

    first = await person.post(resource.PATH, body, headers=headers)
    again = await person.post(resource.PATH, body, headers={**headers, "X-Request-ID": "the-second"})

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert [again.headers[name] for name in ("location", "etag", "content-type", "idempotency-replayed")] == [
        *(first.headers[name] for name in ("location", "etag", "content-type")),
        "true",
    ]
    assert "idempotency-replayed" not in first.headers
    assert await count(person, resource) == 1
    rows = [await auditor.get("/audit/changes", params={"request_id": name}) for name in ("the-first", "the-second")]
    assert [len(answer.json()["items"]) for answer in rows] == [1, 0]


@resources
async def test_an_idempotency_key_is_for_one_request_of_one_caller(signed_in_as: SignedInAs, resource: Any) -> None:
    person = await signed_in_as(*everything(resource.SLUG))
    other = await signed_in_as(*everything(resource.SLUG))
    headers = {"Idempotency-Key": "mine"}
    await person.post(resource.PATH, resource.body(), headers=headers)

    changed = await person.post(resource.PATH, resource.body(), headers=headers)
    of_another = await other.post(resource.PATH, resource.body(), headers=headers)
    bad = {
        key: await person.post(resource.PATH, resource.body(), headers={"Idempotency-Key": key}) for key in ("", "a b")
    }

    assert (changed.status_code, changed.json()["code"]) == (422, "idempotency-key-reused")
    assert of_another.status_code == 201
    assert refusals(bad) == dict.fromkeys(bad, (400, "bad-idempotency-key"))


@resources
async def test_a_refused_request_leaves_its_key_unused(signed_in_as: SignedInAs, resource: Any) -> None:
    person = await signed_in_as(*everything(resource.SLUG))
    headers = {"Idempotency-Key": "retry"}

    refused = await person.post(resource.PATH, {}, headers=headers)
    then = await person.post(resource.PATH, resource.body(), headers=headers)

    assert (refused.status_code, then.status_code) == (422, 201)


@resources
async def test_many_operations_are_done_together(signed_in_as: SignedInAs, resource: Any) -> None:
    person = await signed_in_as(*everything(resource.SLUG))
    auditor = await signed_in_as("audit:read")
    old = [(await person.post(resource.PATH, resource.body())).json() for _ in range(2)]
    operations = {
        "create": [resource.body(), resource.body()],
        "update": [{"id": old[0]["id"], "version": 1, "changes": resource.CHANGE}],
        "delete": [{"id": old[1]["id"]}],
    }

    done = await person.post(f"{resource.PATH}/bulk", operations, headers={"X-Request-ID": "bulk"})

    assert done.status_code == 200, done.text
    result = done.json()
    assert ([item["version"] for item in result["updated"]], result["deleted"]) == ([2], [old[1]["id"]])
    for item in result["created"]:
        assert (await person.get(f"{resource.PATH}/{item['id']}")).json() == item
    assert (await person.get(f"{resource.PATH}/{old[1]['id']}")).status_code == 404
    rows = (await auditor.get("/audit/changes", params={"request_id": "bulk"})).json()["items"]
    assert sorted(row["action"] for row in rows) == ["create", "create", "delete", "update"]


@resources
async def test_one_bad_operation_undoes_them_all(signed_in_as: SignedInAs, resource: Any) -> None:
    person = await signed_in_as(*everything(resource.SLUG))
    item = (await person.post(resource.PATH, resource.body())).json()
    path = f"{resource.PATH}/bulk"
    changes = resource.CHANGE

    unknown = [{"id": item["id"]}, {"id": NOWHERE}]
    answers = {
        "invalid": await person.post(path, {"create": [resource.body(), {}]}),
        "unknown": await person.post(path, {"create": [resource.body()], "delete": unknown}),
        "stale": await person.post(path, {"update": [{"id": item["id"], "version": 7, "changes": changes}]}),
        "empty": await person.post(path, {}),
        "too many": await person.post(path, {"delete": [{"id": NOWHERE}] * 501}),
    }

    assert statuses(answers) == {"invalid": 422, "unknown": 404, "stale": 412, "empty": 422, "too many": 422}
    pointers = {call: answers[call].json()["errors"][0]["pointer"] for call in ("invalid", "unknown", "stale")}
    assert pointers.pop("invalid").startswith("/body/create/1/")
    assert pointers == {"unknown": "/body/delete/1", "stale": "/body/update/0/version"}
    assert await count(person, resource) == 1


@resources
async def test_a_bulk_needs_the_permission_of_each_operation(signed_in_as: SignedInAs, resource: Any) -> None:
    owner = await signed_in_as(*everything(resource.SLUG))
    item = (await owner.post(resource.PATH, resource.body())).json()
    creator = await signed_in_as(f"{resource.SLUG}:create", *own_actions(resource.SLUG))

    allowed = await creator.post(f"{resource.PATH}/bulk", {"create": [resource.body()]})
    refused = await creator.post(f"{resource.PATH}/bulk", {"create": [resource.body()], "delete": [{"id": item["id"]}]})

    assert allowed.status_code == 200, allowed.text
    assert (refused.status_code, refused.json()["code"]) == (403, "permission-denied")
    assert f"{resource.SLUG}:delete" in refused.json()["detail"]
    assert await count(owner, resource) == 2


async def upload(person: Person, resource: Any, content: str, kind: str = "application/x-ndjson", **params: Any) -> Any:
    return await person.post(
        f"{resource.PATH}/import", content=content.encode(), headers={"Content-Type": kind}, params=params
    )


def without_lines(answer: Any) -> dict[str, Any]:
    return {name: value for name, value in answer.json().items() if name != "lines"}


@resources
async def test_a_file_is_imported(signed_in_as: SignedInAs, resource: Any) -> None:
    person = await signed_in_as(*everything(resource.SLUG))
    bodies = [resource.body() for _ in range(3)]
    lines = io.StringIO()
    writer = csv.DictWriter(lines, list(bodies[0]))
    writer.writeheader()
    writer.writerows(bodies)

    as_csv = await upload(person, resource, lines.getvalue(), "text/csv")
    as_json = await upload(person, resource, "".join(json.dumps(resource.body()) + "\n" for _ in range(2)))

    counts = {"created": 0, "updated": 0, "unchanged": 0, "failed": 0}
    done: dict[str, Any] = {"dry_run": False, **counts, "stopped_at_line": None, "errors": []}
    lines_of_csv, lines_of_json = as_csv.json().pop("lines"), as_json.json().pop("lines")
    assert (as_csv.status_code, without_lines(as_csv)) == (200, {**done, "created": 3})
    assert (as_json.status_code, without_lines(as_json)) == (200, {**done, "created": 2})
    assert [line["line"] for line in lines_of_csv] == [2, 3, 4]
    assert lines_of_json[0] == {"line": 1, "result": "created", "id": lines_of_json[0]["id"], "fields": []}
    for line in (*lines_of_csv, *lines_of_json):
        assert (await person.get(f"{resource.PATH}/{line['id']}")).status_code == 200
    assert await count(person, resource) == 5


@resources
async def test_an_import_handles_errors_as_requested(signed_in_as: SignedInAs, resource: Any) -> None:
    person = await signed_in_as(*everything(resource.SLUG))
    content = "\n".join([json.dumps(resource.body()), '{"surprise": 1}', "{", json.dumps(resource.body())])

    dry = await upload(person, resource, content, dry_run="true")
    aborted = await upload(person, resource, content)
    assert await count(person, resource) == 0
    stopped = await upload(person, resource, content, on_error="stop")

    assert (dry.status_code, dry.json()["created"], dry.json()["failed"]) == (200, 2, 2)
    assert {error["line"] for error in dry.json()["errors"]} == {2, 3}
    assert aborted.status_code == 422
    assert {error["pointer"].split("/")[2] for error in aborted.json()["errors"]} == {"2", "3"}
    assert "/body/2/surprise" in {error["pointer"] for error in aborted.json()["errors"]}
    report = stopped.json()
    assert (stopped.status_code, report["created"], report["stopped_at_line"]) == (200, 1, 2)
    assert await count(person, resource) == 1


@resources
async def test_a_list_is_also_a_file(signed_in_as: SignedInAs, resource: Any) -> None:
    person = await signed_in_as(*everything(resource.SLUG))
    await person.post(f"{resource.PATH}/bulk", {"create": [resource.body() for _ in range(3)]})
    items = (await person.get(resource.PATH, params={"sort": "created_at"})).json()["items"]

    lines = await person.get(resource.PATH, params={"sort": "created_at"}, headers={"Accept": "application/x-ndjson"})
    table = await person.get(resource.PATH, params={"sort": "created_at"}, headers={"Accept": "text/csv"})
    page = await person.get(
        resource.PATH, params={"sort": "created_at", "limit": 2}, headers={"Accept": "text/csv;q=0.9, text/html;q=0.1"}
    )

    assert [json.loads(line) for line in lines.text.splitlines()] == items
    assert lines.headers["content-type"] == "application/x-ndjson"
    header, *rows = csv.reader(io.StringIO(table.text))
    assert [header[0], "version" in header, len(header)] == ["id", True, len(set(header))]
    assert [row[0] for row in rows] == [item["id"] for item in items]
    assert table.headers["content-disposition"] == f'attachment; filename="{resource.SLUG}.csv"'
    assert len(page.text.splitlines()) == 3
    assert 'rel="next"' in page.headers["link"]


@resources
async def test_an_unreadable_file_is_refused(signed_in_as: SignedInAs, resource: Any) -> None:
    person = await signed_in_as(*everything(resource.SLUG))

    answers = {
        "media type": await upload(person, resource, "{}", "application/json"),
        "columns": await upload(person, resource, "surprise,other\n1,2\n", "text/csv"),
        "empty file": await upload(person, resource, "", "text/csv"),
        "option": await upload(person, resource, "{}", on_error="ignore"),
    }

    assert statuses(answers) == {"media type": 415, "columns": 422, "empty file": 400, "option": 422}
    assert answers["columns"].json()["errors"][0]["pointer"] == "/body/1/surprise"


async def export(person: Person, resource: Any, kind: str, **params: Any) -> str:
    answer = await person.get(resource.PATH, params={"sort": "created_at", **params}, headers={"Accept": kind})
    assert answer.status_code == 200, answer.text
    return answer.text


def counts(answer: Any) -> tuple[int, int, int, int]:
    """(created, updated, unchanged, failed)"""
    assert answer.status_code == 200, answer.text
    report = answer.json()
    return report["created"], report["updated"], report["unchanged"], report["failed"]


async def entries(auditor: Person, request_id: str) -> list[str]:
    """The actions in the change log of a request."""
    found = (await auditor.get("/audit/changes", params={"request_id": request_id})).json()["items"]
    return [entry["action"] for entry in found]


KINDS = pytest.mark.parametrize("kind", ["text/csv", "application/x-ndjson"])


@resources
@KINDS
async def test_an_export_that_is_imported_again_changes_nothing(
    signed_in_as: SignedInAs, resource: Any, kind: str
) -> None:
    person, auditor = await signed_in_as(*everything(resource.SLUG)), await signed_in_as("audit:read")
    await person.post(f"{resource.PATH}/bulk", {"create": [resource.body() for _ in range(3)]})
    content = await export(person, resource, kind)

    for mode in ("upsert", "update"):
        headers = {"Content-Type": kind, "X-Request-ID": f"again-{mode}"}
        path = f"{resource.PATH}/import?mode={mode}"
        again = await person.post(path, content=content.encode(), headers=headers)
        assert counts(again) == (0, 0, 3, 0)
        assert again.json()["lines"] == []
        assert await entries(auditor, f"again-{mode}") == []
    assert await export(person, resource, kind) == content


@resources
@KINDS
async def test_an_edited_export_changes_what_was_edited(signed_in_as: SignedInAs, resource: Any, kind: str) -> None:
    person, auditor = await signed_in_as(*everything(resource.SLUG)), await signed_in_as("audit:read")
    await person.post(f"{resource.PATH}/bulk", {"create": [resource.body() for _ in range(3)]})
    items = [json.loads(line) for line in (await export(person, resource, "application/x-ndjson")).splitlines()]
    content = edited(await export(person, resource, kind), kind, items[1]["id"], resource.CHANGE)

    path, headers = f"{resource.PATH}/import?mode=upsert", {"Content-Type": kind, "X-Request-ID": "edit"}
    dry = await person.post(f"{path}&dry_run=true", content=content, headers={**headers, "X-Request-ID": "dry"})
    done = await person.post(path, content=content, headers=headers)
    stale = await person.post(path, content=content, headers={**headers, "X-Request-ID": "stale"})

    assert counts(dry) == counts(done) == (0, 1, 2, 0)
    assert dry.json()["lines"] == done.json()["lines"]
    (line,) = done.json()["lines"]
    assert (line["result"], line["id"]) == ("updated", items[1]["id"])
    assert set(resource.CHANGE) <= set(line["fields"])
    assert await entries(auditor, "dry") == []
    assert await entries(auditor, "edit") == ["update"]
    item = (await person.get(f"{resource.PATH}/{items[1]['id']}")).json()
    assert item["version"] == 2
    assert {name: item[name] for name in resource.CHANGE} == resource.CHANGE
    (error,) = stale.json()["errors"]
    assert (stale.status_code, error["code"]) == (422, "stale-version")
    assert error["pointer"] == f"/body/{line['line']}/version"


def edited(content: str, kind: str, item: str, change: dict[str, Any]) -> bytes:
    """The exported `content` with other values for one item."""
    if kind == "application/x-ndjson":
        documents = [json.loads(line) for line in content.splitlines()]
        return "".join(json.dumps(d | change if d["id"] == item else d) + "\n" for d in documents).encode()
    rows, out = list(csv.DictReader(io.StringIO(content))), io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(row | change if row["id"] == item else row for row in rows)
    return out.getvalue().encode()


@resources
async def test_a_mode_of_an_import_needs_its_permissions(signed_in_as: SignedInAs, resource: Any) -> None:
    owner = await signed_in_as(*everything(resource.SLUG))
    own = own_actions(resource.SLUG)
    creator, changer = [await signed_in_as(f"{resource.SLUG}:{action}", *own) for action in ("create", "update")]
    item = (await owner.post(resource.PATH, resource.body())).json()
    line = json.dumps({"id": item["id"], **resource.CHANGE})

    answers = {
        "creator creates": await upload(creator, resource, json.dumps(resource.body())),
        "creator updates": await upload(creator, resource, line, mode="update"),
        "creator upserts": await upload(creator, resource, line, mode="upsert"),
        "changer creates": await upload(changer, resource, json.dumps(resource.body())),
        "changer updates": await upload(changer, resource, line, mode="update"),
        "changer upserts": await upload(changer, resource, line, mode="upsert"),
        "unknown mode": await upload(creator, resource, line, mode="replace"),
    }

    assert statuses(answers) == {
        "creator creates": 200,
        "creator updates": 403,
        "creator upserts": 403,
        "changer creates": 403,
        "changer updates": 200,
        "changer upserts": 403,
        "unknown mode": 422,
    }
    assert f"{resource.SLUG}:create" in answers["changer upserts"].json()["detail"]


@resources
async def test_rows_of_an_upsert_create_change_and_are_refused(signed_in_as: SignedInAs, resource: Any) -> None:
    person = await signed_in_as(*everything(resource.SLUG))
    items = [(await person.post(resource.PATH, resource.body())).json() for _ in range(4)]
    await person.delete(f"{resource.PATH}/{items[3]['id']}")
    rows = [
        resource.body(),
        {"id": items[0]["id"], **resource.CHANGE},
        {"id": items[1]["id"], "version": 7, **resource.CHANGE},
        {"id": NOWHERE, **resource.body()},
        {"id": items[3]["id"], **resource.CHANGE},
        {"id": items[0]["id"]},
        {"id": items[2]["id"], "surprise": 1},
        {"id": "x"},
    ]
    content = "".join(json.dumps(row) + "\n" for row in rows)

    refused = await upload(person, resource, content, mode="upsert")
    unchanged = (await person.get(f"{resource.PATH}/{items[0]['id']}")).json()
    dry = await upload(person, resource, content, mode="upsert", dry_run="true")
    good = await upload(person, resource, "\n".join(content.splitlines()[:2]), mode="upsert")

    found = {error["pointer"]: error["code"] for error in refused.json()["errors"]}
    assert refused.status_code == 422
    assert found == {
        "/body/3/version": "stale-version",
        "/body/4": "not-found",
        "/body/5": "not-found",
        "/body/6": "repeated-item",
        "/body/7/surprise": "unknown-field",
        "/body/8/id": "uuid-parsing",
    }
    assert unchanged == items[0]
    assert counts(dry) == (1, 1, 0, 6)
    assert counts(good) == (1, 1, 0, 0)
    assert await count(person, resource) == 4
