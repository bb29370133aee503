"""Files as people save them: separators, encodings, line ends, headers, and what is no text at all."""

import io
import zipfile
from typing import Any

import httpx
import pytest

from tests.people import Person, SignedInAs

CSV, NDJSON = "text/csv", "application/x-ndjson"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PRODUCTS = ["sku", "name", "price", "currency"]
PRODUCT = ["A-1", "Lamp; brass, old", "19.90", "EUR"]
MARK = "\ufeff"


async def upload(person: Person, content: bytes, kind: str = CSV, path: str = "/products/import") -> httpx.Response:
    return await person.post(path, content=content, headers={"Content-Type": kind})


def table(separator: str, end: str, *rows: list[str]) -> str:
    return "".join(separator.join(f'"{cell}"' for cell in row) + end for row in rows)


PLAIN = table(",", "\n", PRODUCTS, PRODUCT)
READ = {
    "semicolons": table(";", "\r\n", PRODUCTS, PRODUCT).encode(),
    "tabs": table("\t", "\n", PRODUCTS, PRODUCT).encode(),
    "sep=": ("sep=|\r\n" + table("|", "\r\n", PRODUCTS, PRODUCT)).encode(),
    "sep= after a mark": (MARK + "sep=;\r\n" + table(";", "\r\n", PRODUCTS, PRODUCT)).encode(),
    "utf-16 of Excel": (MARK + table("\t", "\r\n", PRODUCTS, PRODUCT)).encode("utf-16-le"),
    "utf-16 big endian": (MARK + PLAIN).encode("utf-16-be"),
    "mark": (MARK + PLAIN).encode(),
    "Mac line ends": table(",", "\r", PRODUCTS, PRODUCT).encode(),
    "no end of the last line": PLAIN.strip().encode(),
    "trailing columns": table(",", "\n", [*PRODUCTS, "", ""], [*PRODUCT, "", " "]).encode(),
    "columns behind the header": table(",", "\n", PRODUCTS, [*PRODUCT, "", ""]).encode(),
    "rows of commas": (",,,\n" + PLAIN + ",,,\n , ,\t,\n\n").encode(),
    "header in other words": table(",", "\n", ["SKU", " Name", "Price ", "\u00a0currency"], PRODUCT).encode(),
    "decimal comma": table(";", "\n", PRODUCTS, [*PRODUCT[:2], "19,90", "EUR"]).encode(),
    "decimal comma after a tab": table("\t", "\n", PRODUCTS, [*PRODUCT[:2], "19,9", "EUR"]).encode(),
}


@pytest.mark.parametrize("content", READ.values(), ids=list(READ))
async def test_a_file_is_read_as_it_was_saved(signed_in_as: SignedInAs, content: bytes) -> None:
    person = await signed_in_as("products:create", "products:set-price")

    answer = await upload(person, content)

    assert (answer.status_code, answer.json().get("created")) == (200, 1), answer.text
    (item,) = (await person.get("/products")).json()["items"]
    assert [item[name] for name in PRODUCTS] == PRODUCT


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
async def test_lines_of_json_are_read_as_they_were_saved(signed_in_as: SignedInAs, encoding: str, end: str) -> None:
    person = await signed_in_as("brands:create")
    content = end.join(['{"name": "Ä"}', "", '{"name": "b"}']).encode(encoding)

    answer = await upload(person, content, NDJSON, "/brands/import")

    assert (answer.status_code, answer.json().get("created")) == (200, 2), answer.text


def workbook() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return content.getvalue()


REFUSED: dict[str, tuple[bytes, str, int, str, str]] = {
    "workbook": (workbook(), XLSX, 415, "spreadsheet-file", "CSV"),
    "workbook as text": (workbook(), CSV, 415, "spreadsheet-file", "CSV"),
    "old workbook": (b"\xd0\xcf\x11\xe0" + bytes(100), NDJSON, 415, "spreadsheet-file", "CSV"),
    "utf-16 without a mark": (PLAIN.encode("utf-16-le"), CSV, 400, "malformed-request", "UTF-8"),
    "windows-1252": ("name\nCafé\n".encode("cp1252"), CSV, 422, "malformed-request", "UTF-8"),
    "unknown separator": (b"sep=%\nname%description\n", CSV, 400, "malformed-request", "separator"),
    "no header": (b",,\n\n", CSV, 400, "malformed-request", "header"),
    "grouped digits": (b"sku;name;price;currency\na;b;1.234,50;EUR\n", CSV, 422, "amount-form", "decimal"),
    "more cells": (b"name\na,b\n", CSV, 422, "wrong-number-of-columns", "1 columns"),
    "a long cell": (b"name\nAcme\n" + b"x" * 200_000 + b"\nBolt\n", CSV, 422, "string-too-long", "200 characters"),
}


@pytest.mark.parametrize(("content", "kind", "status", "code", "words"), REFUSED.values(), ids=list(REFUSED))
async def test_what_cannot_be_read_is_refused_for_its_cause(
    signed_in_as: SignedInAs, content: bytes, kind: str, status: int, code: str, words: str
) -> None:
    person = await signed_in_as("products:create", "products:set-price", "brands:create")
    path = "/products/import" if b"sku" in content else "/brands/import"

    answer = await upload(person, content, kind, path)

    problem = answer.json()
    (error,) = problem.get("errors") or [problem]
    assert (answer.status_code, error["code"]) == (status, code), answer.text
    assert words in error["detail"]


def dinars(separator: str, *prices: str) -> bytes:
    """Products whose currency has three decimal places."""
    rows = [[f"K-{place}", "Lamp", price, "KWD"] for place, price in enumerate(prices)]
    return table(separator, "\n", PRODUCTS, *rows).encode()


@pytest.mark.parametrize(
    ("separator", "prices", "query", "read"),
    [
        (";", ["1.234", "12,500", "7,5"], "", None),
        (";", ["1.234"], "", None),
        ("\t", ["1,234"], "", None),
        (";", ["1,234", "7,5"], "", ["1.234", "7.500"]),
        (";", ["1.234", "0.125"], "", ["1.234", "0.125"]),
        (";", ["1.234", "7.5"], "?decimal=comma", None),
        (";", ["1,234", "7"], "?decimal=comma", ["1.234", "7.000"]),
        (";", ["1.234"], "?decimal=point", ["1.234"]),
        (",", ["1.234"], "", ["1.234"]),
        (",", ["1,234"], "", None),
        (",", ["1,234"], "?decimal=comma", ["1.234"]),
    ],
)
async def test_a_number_is_read_where_its_decimal_sign_is_known(
    signed_in_as: SignedInAs, separator: str, prices: list[str], query: str, read: list[str] | None
) -> None:
    """Regression: `1.234` among semicolons was a lamp for 1.234 dinars, where 1234 was meant."""
    person = await signed_in_as("products:create", "products:set-price")

    answer = await upload(person, dinars(separator, *prices), path=f"/products/import{query}")

    items = (await person.get("/products", params={"sort": "sku"})).json()["items"]
    assert [item["price"] for item in items] == (read or []), answer.text
    if read is None:
        errors = answer.json()["errors"]
        assert [(e["pointer"], e["code"]) for e in errors] == [("/body/2/price", "ambiguous-number")]


async def test_every_wrong_column_is_named_at_once(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("products:create", "products:set-price")
    header = "sku,colour,Name,,id,name,weight/kg,stock\n"

    answer = await upload(person, header.encode() + b"1,2,3,4,5,6,7,8\n")

    problem = answer.json()
    assert answer.status_code == 422
    assert {error["pointer"]: error["code"] for error in problem["errors"]} == {
        "/body/1/colour": "unknown-field",
        "/body/1/4": "unknown-field",
        "/body/1/id": "read-only",
        "/body/1/name": "repeated-column",
        "/body/1/weight~1kg": "unknown-field",
        "/body/1/stock": "read-only",
    }
    assert "6 columns" in problem["detail"]


async def test_an_unknown_column_is_found_at_its_line(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("products:create", "products:set-price")

    answer = await upload(person, b"sep=;\n;;\nsku;colour\n")

    assert [error["pointer"] for error in answer.json()["errors"]] == ["/body/3/colour"]


FORM_FILES: dict[str, tuple[Any, ...]] = {
    "by its type": ("names", b"name\na\nb\n", CSV),
    "by its name": ("brands.CSV", b"name\na\nb\n", "application/vnd.ms-excel"),
    "lines of json": ("brands.jsonl", b'{"name": "a"}\n{"name": "b"}\n', "application/octet-stream"),
    "on disk": ("brands.csv", b"name\na\n" + (b" " * 1000 + b"\n") * 1_100 + b"b\n", CSV),
}


@pytest.mark.parametrize("part", FORM_FILES.values(), ids=list(FORM_FILES))
async def test_a_form_can_hold_the_file(signed_in_as: SignedInAs, part: tuple[Any, ...]) -> None:
    person = await signed_in_as("brands:create")
    headers = {"Idempotency-Key": "once"}

    done = await person.post("/brands/import", files={"file": part}, headers=headers)
    again = await person.post("/brands/import", files={"file": part}, headers=headers)

    assert (done.status_code, done.json().get("created")) == (200, 2), done.text
    assert (again.json(), again.headers["idempotency-replayed"]) == (done.json(), "true")


async def test_a_form_without_a_file_to_import_is_refused(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("brands:create")
    cut = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nname\na\n'

    def post(**options: Any) -> Any:
        return person.post("/brands/import", **options)

    answers = {
        "other field": await post(files={"upload": ("a.csv", b"name\na\n", CSV)}),
        "two files": await post(files=[("file", ("a.csv", b"name\na\n", CSV)), ("file", ("b.csv", b"name\nb\n", CSV))]),
        "empty": await post(files={"file": ("a.csv", b"", CSV)}),
        "kind": await post(files={"file": ("a.pdf", b"name\na\n", "application/pdf")}),
        "workbook": await post(files={"file": ("a.csv", workbook(), CSV)}),
        "nothing": await post(content=b"--x--\r\n", headers={"Content-Type": "multipart/form-data; boundary=x"}),
        "no form": await post(content=b"name", headers={"Content-Type": "multipart/form-data; boundary=x"}),
        "no boundary": await post(content=b"name", headers={"Content-Type": "multipart/form-data"}),
        "cut off": await post(content=cut, headers={"Content-Type": "multipart/form-data; boundary=x"}),
    }

    assert {name: (answer.status_code, answer.json()["code"]) for name, answer in answers.items()} == {
        "other field": (422, "invalid-fields"),
        "two files": (422, "invalid-fields"),
        "empty": (400, "malformed-request"),
        "kind": (415, "unsupported-media-type"),
        "workbook": (415, "spreadsheet-file"),
        "nothing": (422, "invalid-fields"),
        "no form": (400, "malformed-request"),
        "no boundary": (400, "malformed-request"),
        "cut off": (400, "malformed-request"),
    }
    assert (await person.get("/brands", params={"total": "true"})).json()["total"] == 0
