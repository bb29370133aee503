"""CSV cells: no spreadsheet of any locale runs one, and an import restores the text."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.http.csv_cells import NUMBER, neutralize, restore
from app.core.http.file_formats import join_names, split_names
from app.modules.brands.models import Brand
from tests.modules.audit.sealer.sealed import seal_all, sealer_of
from tests.people import SignedInAs

CSV = "text/csv"
SIGNS = "=+-@＝＋－＠﹦﹢﹣﹫"
HOSTILE = [
    *(f"{sign}1+1" for sign in SIGNS),
    *(
        f"{start}=1+1"
        for start in ("\t", "\r", "\n", "\r\n", " ", "\u00a0", "\ufeff", "\u200b", "\x1b", "'", "''", " '")
    ),
    "\tplain",
    "\nplain",
    "x;=1+1;",
    'x;"=1+1";',
    "x; '=1+1;",
    "x\t@SUM(1)\t",
    "x\r\n-1+1;",
    "'\n=1+1",
    '=HYPERLINK("http://attest.test";"x")',
]
HARMLESS = ["", "-5", "-5.25", "Costa", "a = b", "10,-", "ines+1@example.com", "O'Hara", "semi; colon", "two\nlines"]


def is_run(cell: str) -> bool:
    """Whether a spreadsheet takes `cell` for a formula."""
    seen = "".join(character for character in cell if character.isprintable()).strip()
    return seen[:1] in tuple(SIGNS) and NUMBER.fullmatch(cell) is None


def cells_that_run(table: str) -> list[str]:
    """The formulas in `table` for spreadsheets that split at commas, at semicolons and at tabs."""
    return [
        cell
        for separator in (",", ";", "\t")
        for row in csv.reader(io.StringIO(table, newline=""), delimiter=separator)
        for cell in row
        if is_run(cell)
    ]


async def test_no_locale_runs_an_exported_cell_and_an_import_restores_it(
    database: Database, job: RequestContext, signed_in_as: SignedInAs
) -> None:
    """Regression: cells with LF, full-width signs, white space or separators of other locales were formulas."""
    texts = HOSTILE + HARMLESS[1:]
    async with database.unit_of_work(job) as session:
        session.add_all([Brand(name=f"brand {n:03}", description=text) for n, text in enumerate(texts)])
    person = await signed_in_as("brands:create", "brands:delete")

    table = (await person.get("/brands", params={"sort": "name"}, headers={"Accept": CSV})).text

    assert cells_that_run(table) == []
    copies = io.StringIO()
    writer = csv.writer(copies, quoting=csv.QUOTE_ALL)
    writer.writerow(["name", "description"])
    writer.writerows(
        [f"copy {row['name']}", row["description"]] for row in csv.DictReader(io.StringIO(table, newline=""))
    )
    imported = await person.post("/brands/import", content=copies.getvalue().encode(), headers={"Content-Type": CSV})
    assert imported.json()["created"] == len(texts), imported.text
    items = (await person.get("/brands", params={"sort": "name", "limit": 100})).json()["items"]
    kept = {item["name"]: item["description"] for item in items}
    assert [kept[f"copy brand {n:03}"] for n in range(len(texts))] == texts


async def test_every_cell_is_quoted(database: Database, job: RequestContext, signed_in_as: SignedInAs) -> None:
    async with database.unit_of_work(job) as session:
        session.add(Brand(name="Plain"))
    person = await signed_in_as("brands:read")

    header, row = (await person.get("/brands", headers={"Accept": CSV})).text.splitlines()

    for line in (header, row):
        assert line == ",".join(f'"{cell}"' for cell in next(csv.reader([line])))


async def test_change_entries_with_hostile_values_run_nowhere(database: Database, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("brands:create", "audit:read")
    answer = await person.post("/brands", {"name": "x", "description": "a;=1+1;\n@SUM(1)"})
    assert answer.status_code == 201
    await seal_all(sealer_of(database))

    table = (await person.get("/audit/changes", headers={"Accept": CSV})).text

    assert "SUM" in table
    assert cells_that_run(table) == []


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_text_is_left_alone(text: str) -> None:
    assert neutralize(text) == text


@given(st.lists(st.text(alphabet=f";,\t\r\n\"' a1\ufeff{SIGNS}", max_size=12), min_size=1, max_size=3))
def test_any_text_is_harmless_and_comes_back(texts: list[str]) -> None:
    table = io.StringIO(newline="")
    csv.writer(table, quoting=csv.QUOTE_ALL).writerow(["id", *map(neutralize, texts)])

    assert [restore(neutralize(text)) for text in texts] == texts
    assert cells_that_run(table.getvalue()) == []


@given(st.lists(st.text(alphabet="ab|\"; =,'", min_size=1).map(str.strip).filter(bool), max_size=4))
def test_names_in_one_cell_are_restored(names: list[str]) -> None:
    assert split_names(restore(neutralize(join_names(names)))) == names


def test_names_are_written_as_people_would() -> None:
    assert join_names(["brass", "desk lamps"]) == "brass|desk lamps"
    assert split_names(" brass | desk lamps |") == ["brass", "desk lamps"]
    with pytest.raises(ValueError, match="Separate names"):
        split_names('"brass|lamp')
