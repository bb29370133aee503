"""Rules of HTTP that every resource keeps: HEAD, compression, conditions, and parameters of its list."""

import gzip
from typing import Any

import orjson

from tests.contract.resources import everything
from tests.contract.test_resources import create_item, resources
from tests.people import SignedInAs


@resources
async def test_a_head_is_a_get_without_its_body(signed_in_as: SignedInAs, resource: Any) -> None:
    person = await signed_in_as("audit:read", *everything(resource.SLUG))
    item = await create_item(person, resource)

    for path in (resource.PATH, f"{resource.PATH}/{item['id']}", f"{resource.PATH}/{item['id']}/history"):
        got, head = await person.get(path), await person.call("HEAD", path)
        assert (head.status_code, head.content) == (got.status_code, b""), path
        assert head.headers.keys() == got.headers.keys(), path


@resources
async def test_a_list_is_compressed_and_varies(signed_in_as: SignedInAs, resource: Any) -> None:
    person = await signed_in_as(*everything(resource.SLUG))
    for _ in range(10):
        await create_item(person, resource)

    plain = await person.get(resource.PATH, headers={"Accept-Encoding": "identity"})
    packed = await person.get(resource.PATH, headers={"Accept-Encoding": "gzip"})

    assert len(plain.content) > 1024
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.json() == plain.json()
    assert {answer.headers["vary"] for answer in (plain, packed)} == {"Accept, Accept-Encoding, Authorization"}


@resources
async def test_an_item_is_created_from_a_compressed_body(signed_in_as: SignedInAs, resource: Any) -> None:
    person = await signed_in_as(*everything(resource.SLUG))
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}

    body = gzip.compress(orjson.dumps(resource.body()))
    made = await person.call("POST", resource.PATH, content=body, headers=headers)
    other = await person.call("POST", resource.PATH, content=body, headers=headers | {"Content-Encoding": "br"})

    assert (made.status_code, other.status_code) == (201, 415), made.text


@resources
async def test_a_change_keeps_its_conditions(signed_in_as: SignedInAs, resource: Any) -> None:
    person = await signed_in_as(*everything(resource.SLUG))
    path = f"{resource.PATH}/{(await create_item(person, resource))['id']}"

    excluded = await person.patch(path, resource.CHANGE, headers={"If-None-Match": '"1"'})
    weak = await person.patch(path, resource.CHANGE, headers={"If-Match": 'W/"1"'})
    changed = await person.patch(path, resource.CHANGE, headers={"If-Match": '"0", "1-gzip"', "If-None-Match": '"2"'})

    assert (excluded.status_code, excluded.json()["code"]) == (412, "version-matches")
    assert (weak.status_code, weak.json()["code"]) == (412, "stale-version")
    assert "weak" in weak.json()["detail"]
    assert changed.status_code == 200


@resources
async def test_a_parameter_of_a_list_comes_once_and_in_its_form(signed_in_as: SignedInAs, resource: Any) -> None:
    person = await signed_in_as(f"{resource.SLUG}:read")

    for query in ("limit=5&limit=5", "limit=1_0", "limit=1.0", "limit=%205", "total=yes", "offset=%2B1"):
        answer = await person.get(f"{resource.PATH}?{query}")
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid-fields"), query
