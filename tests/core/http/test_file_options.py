"""How a client chooses the format of a list that is a file, and how it is written."""

import csv
import io

import pytest

from tests.people import Person, SignedInAs

CSV, NDJSON = "text/csv", "application/x-ndjson"
MARK = "\ufeff"


@pytest.fixture
async def person(signed_in_as: SignedInAs) -> Person:
    person = await signed_in_as("products:create", "products:update", "products:set-price", "products:export")
    lamp = {"sku": "A-1", "name": '=1+1; "brass"', "price": "19.90", "currency": "EUR"}
    assert (await person.post("/products", lamp)).status_code == 201
    return person


async def test_a_link_can_ask_for_a_file(person: Person) -> None:
    by_link = await person.get("/products", params={"format": "csv"}, headers={"Accept": "text/html"})
    by_accept = await person.get("/products", headers={"Accept": CSV})
    lines = await person.get("/products", params={"format": "ndjson"}, headers={"Accept": CSV})

    assert by_link.content == by_accept.content
    assert by_link.headers["content-disposition"] == 'attachment; filename="products.csv"'
    assert (by_link.headers["content-type"], lines.headers["content-type"]) == ("text/csv; charset=utf-8", NDJSON)


@pytest.mark.parametrize(("separator", "sign"), [("comma", ","), ("semicolon", ";"), ("tab", "\t")])
@pytest.mark.parametrize("decimal", ["point", "comma"])
async def test_a_file_is_written_for_a_spreadsheet_of_any_country(
    person: Person, separator: str, sign: str, decimal: str
) -> None:
    options = {"format": "csv", "bom": "true", "separator": separator, "decimal": decimal}

    answer = await person.get("/products", params=options)

    assert answer.content.startswith(MARK.encode())
    (row,) = csv.DictReader(io.StringIO(answer.text.removeprefix(MARK)), delimiter=sign)
    assert (row["sku"], row["name"]) == ("A-1", '\'=1+1; "brass"')
    assert row["price"] == ("19.90" if decimal == "point" else "19,90")
    if (separator, decimal) != ("comma", "comma"):
        path = "/products/import?mode=update"
        again = await person.post(path, content=answer.content, headers={"Content-Type": CSV})
        assert (again.status_code, again.json()["unchanged"]) == (200, 1), again.text


@pytest.mark.parametrize(("name", "kind"), [("csv", CSV), ("ndjson", NDJSON)])
async def test_the_columns_of_an_import_make_new_items(person: Person, name: str, kind: str) -> None:
    content = (await person.get("/products", params={"format": name, "columns": "importable"})).text

    again = await person.post("/products/import", content=content.replace("A-1", "A-2"), headers={"Content-Type": kind})

    assert (again.status_code, again.json().get("created")) == (200, 1), again.text


async def test_options_are_checked_and_only_where_they_are_known(person: Person, signed_in_as: SignedInAs) -> None:
    item = (await person.get("/products")).json()["items"][0]["id"]
    auditor = await signed_in_as("audit:read")

    answers = {
        "format": await person.get("/products", params={"format": "xlsx"}),
        "parquet": await person.get("/products", params={"format": "parquet"}),
        "separator": await person.get("/products", params={"separator": "|"}),
        "columns": await person.get(f"/products/{item}/stock-movements", params={"columns": "importable"}),
        "bom": await auditor.get("/audit/changes", params={"bom": "true"}),
    }
    parquet = await auditor.get("/audit/changes", params={"format": "parquet", "entity": "product"})

    pointers = {name: answer.json()["errors"][0]["pointer"] for name, answer in answers.items()}
    assert {answer.status_code for answer in answers.values()} == {422}
    assert pointers == {name: f"/query/{'format' if name == 'parquet' else name}" for name in answers}
    assert (parquet.status_code, parquet.json()["code"]) == (404, "not-found")  # nothing is sealed yet


async def test_a_page_of_a_file_leads_to_the_next(person: Person) -> None:
    lamp = {"sku": "A-2", "name": "Lamp", "price": "19.90", "currency": "EUR"}
    await person.post("/products", lamp)

    first = await person.get("/products", params={"format": "csv", "separator": "tab", "limit": 1})
    following = await person.get(first.links["next"]["url"].removeprefix("/api/v1"))

    assert [len(page.text.splitlines()) for page in (first, following)] == [2, 2]
    assert following.text.splitlines()[0] == first.text.splitlines()[0]
