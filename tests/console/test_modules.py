"""Every module in the browser, from the menu to its history and its files. A new module is driven without an edit."""

import asyncio
import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest
from playwright.async_api import FilePayload, Page, expect

from app.core.openapi.labels import label_of
from tests.console.conftest import OpenConsole
from tests.contract.resources import declared, folders


def texts_of(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The fields of an item that are written as a text."""
    return ((name, str(value)) for name, value in body.items() if isinstance(value, (str, int)))


def file_of(bodies: Iterable[Mapping[str, Any]]) -> bytes:
    """A file with a line for each item."""
    rows = [dict(texts_of(body)) for body in bodies]
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


async def fill_in(page: Page, body: Mapping[str, Any]) -> None:
    for name, text in texts_of(body):
        field = page.locator("form").get_by_label(label_of(name), exact=True)
        if await field.evaluate("field => field.tagName") == "SELECT":
            await field.select_option(text)
        else:
            await field.fill(text)


@pytest.mark.parametrize("folder", declared())
async def test_a_module_is_worked_with_from_its_menu_entry_to_its_files(console: OpenConsole, folder: str) -> None:
    factory, module = declared()[folder], folders()[folder].module
    page = await console("admin")

    await page.get_by_role("navigation").get_by_role("link", name=module.name, exact=True).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(module.name)
    await expect(page.get_by_role("table", name=module.name).locator("tbody tr").first).to_be_visible()

    await page.get_by_role("link", name="New").or_(page.get_by_role("button", name="New")).click()
    await fill_in(page, factory.body())
    await page.get_by_role("button", name="Save").click()
    history = page.get_by_role("region", name="History")
    await expect(history.get_by_role("listitem")).to_have_count(1)

    ((field, value),) = factory.CHANGE.items()
    await fill_in(page, {field: value})
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Version 2")).to_be_visible()
    await expect(history.get_by_role("listitem")).to_have_count(2)
    await expect(history.get_by_role("listitem").first).to_contain_text(label_of(field))

    await page.goto(f"/console/{module.slug}/import")
    lines: FilePayload = {"name": "lines.csv", "mimeType": "text/csv", "buffer": file_of([factory.body()])}
    await page.get_by_label("File").set_input_files(lines)
    await page.get_by_role("button", name="Check the file").click()
    await page.get_by_role("button", name="Import", exact=True).click()
    await expect(page.get_by_text("Imported: 1 new, 0 changed, 0 as they were.")).to_be_visible()

    await page.goto(f"/console/{module.slug}")
    await page.get_by_role("button", name="Export").click()
    async with page.expect_download() as download:
        await page.get_by_role("dialog").get_by_role("button", name="Export").click()
    text = await asyncio.to_thread((await (await download.value).path()).read_text, "utf-8-sig")
    exported = list(csv.DictReader(io.StringIO(text)))
    assert len(exported) >= 2
    assert any(row[field] == str(value) for row in exported)
