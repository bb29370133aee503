"""Texts of every resource: composed and decomposed are one, and a name can be seen and is one line."""

from typing import Any

import pytest

from app.core.fields.text import ONE_LINE
from app.main import app as served
from tests.contract.resources import everything, factories
from tests.people import Person, SignedInAs

resources = pytest.mark.parametrize("resource", factories().values(), ids=list(factories()))
ANY_TEXT = r"^[^\x00]*$"
UNSEEN = ["\u200b", "\u3164", "\u2800", "\u00ad\u2060", "\u00a0\ufeff"]
NOT_ONE_LINE = ["a\u0085b", "a\u2028", "\u2029b", "a\u009bb", "\u202eevil", "a\u2066b\u2069"]
SEEN = ["👩‍👩‍👧 Family", "نامه‌ای", "🏴\U000e0067\U000e0062\U000e007f flag", "שלום\u200f 1"]


def properties_of(resource: Any) -> dict[str, Any]:
    """The fields of the body of a creation."""
    body = served.openapi()["paths"][f"/api/v1{resource.PATH}"]["post"]["requestBody"]["content"]["application/json"]
    found: dict[str, Any] = served.openapi()["components"]["schemas"][body["schema"]["$ref"].rpartition("/")[2]]
    return dict(found["properties"])


def texts_of(resource: Any) -> dict[str, bool]:
    """The fields with text that is free, and whether each is a name."""
    options = {name: [schema, *schema.get("anyOf", ())] for name, schema in properties_of(resource).items()}
    chosen = {
        name: next((each for each in found if each.get("type") == "string" and "format" not in each), None)
        for name, found in options.items()
    }
    return {
        name: schema.get("pattern") == ONE_LINE
        for name, schema in chosen.items()
        if schema is not None and schema.get("pattern") in (ANY_TEXT, ONE_LINE)
    }


async def create(person: Person, resource: Any, changes: dict[str, str]) -> Any:
    return await person.post(resource.PATH, {**resource.body(), **changes})


@resources
async def test_composed_and_decomposed_text_is_stored_alike(signed_in_as: SignedInAs, resource: Any) -> None:
    person = await signed_in_as(*everything(resource.SLUG), superuser=resource.SLUG in ("users", "roles"))
    texts = texts_of(resource)

    made = await create(person, resource, dict.fromkeys(texts, "Cafe\u0301 \u1100\u1161"))

    assert texts, "every resource has a text"
    assert made.status_code == 201, made.text
    assert {name: made.json()[name] for name in texts} == dict.fromkeys(texts, "Café 가")


@resources
async def test_a_name_can_be_seen_and_is_one_line(signed_in_as: SignedInAs, resource: Any) -> None:
    person = await signed_in_as(*everything(resource.SLUG), superuser=resource.SLUG in ("users", "roles"))
    names = [name for name, is_name in texts_of(resource).items() if is_name]

    for name in names:
        for text in (*UNSEEN, *NOT_ONE_LINE):
            refused = await create(person, resource, {name: text})
            assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, f"/body/{name}"), ascii(text)
        for text in SEEN:
            made = await create(person, resource, {name: text})
            assert (made.status_code, made.json().get(name)) == (201, text), (ascii(text), made.text)
