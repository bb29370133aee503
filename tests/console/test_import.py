"""A file into a module, in the browser: its columns, its errors by line with the cell, and the import."""

import asyncio
import json
import re
from contextlib import suppress

from playwright.async_api import Error, FileChooser, FilePayload, Page, Route, expect

from tests.console.conftest import OpenConsole
from tests.console.keys import Keys, button

BAD = """\
title;status;due_date
Count the kettles;todo;2030-02-01
Count the lamps;someday;2030-02-02
;todo;2030-02-03
Count the rugs;todo;the third of May
"""
GOOD = (
    BAD.replace("someday", "todo")
    .replace("\n;todo", "\nCount the chairs;todo")
    .replace("the third of May", "2030-05-03")
)


def file_of(text: str) -> FilePayload:
    return {"name": "stock-count.csv", "mimeType": "text/csv", "buffer": text.encode()}


async def choose(page: Page, text: str) -> None:
    await page.get_by_label("File", exact=True).set_input_files(file_of(text))


async def open_chooser(page: Page, keys: Keys) -> FileChooser:
    """Open the dialogue of the system. A browser that is still busy with the one before opens none."""
    for seconds in (5, 10, 30):
        with suppress(Error):
            async with page.expect_file_chooser(timeout=seconds * 1000) as chooser:
                await keys.press("Enter")
            return await chooser.value
    raise AssertionError("the key opens no dialogue")


async def choose_by_keys(page: Page, keys: Keys, text: str, key: str = "Tab") -> None:
    """Open the dialogue of the system by keys. What is done there is the system's own."""
    await keys.reach(page.get_by_label("File", exact=True), key)
    chooser = await open_chooser(page, keys)
    await chooser.set_files(file_of(text))
    await keys.check_focus()


async def test_a_file_with_bad_lines_is_refused_cell_by_cell_and_imported_when_mended(
    console: OpenConsole,
) -> None:
    page = await console("manager", "/tasks")
    await page.get_by_role("button", name="Import").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Import Tasks")

    await choose(page, BAD)
    columns = page.get_by_role("table", name="Columns of the file")
    await expect(columns.get_by_role("row", name="due_date")).to_contain_text("Due date")
    await page.get_by_role("button", name="Check the file").click()

    await expect(page.get_by_role("alert")).to_contain_text("3 cells need another value")
    errors = page.get_by_role("table", name="Errors by line").get_by_role("row")
    await expect(errors).to_have_count(4)
    await expect(errors.nth(1)).to_contain_text(re.compile("3.*Status.*someday"))
    await expect(errors.nth(2)).to_contain_text(re.compile("4.*Title"))
    await expect(errors.nth(3)).to_contain_text(re.compile("5.*Due date.*the third of May"))
    await expect(page.get_by_role("button", name="Import", exact=True)).to_have_count(0)
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Download the report").click()
    report = await asyncio.to_thread((await (await download.value).path()).read_text, "utf-8-sig")
    assert '"5","Due date","the third of May"' in report

    await choose(page, GOOD)
    await expect(page.get_by_role("alert")).to_have_count(0)
    await page.get_by_role("button", name="Check the file").click()
    await expect(page.get_by_text("The file can be imported: 4 new, 0 changed, 0 as they are.")).to_be_visible()
    await page.get_by_role("button", name="Import", exact=True).click()
    await expect(page.get_by_text("Imported: 4 new, 0 changed, 0 as they were.")).to_be_visible()

    await page.goto("/console/tasks?q=count+the&due_date_gte=2030-02-01&due_date_lt=2030-06-01")
    await expect(page.get_by_role("table", name="Tasks").locator("tbody tr")).to_have_count(4)


async def test_a_file_is_imported_by_keys_alone(console: OpenConsole) -> None:
    page = await console("manager")
    keys, focused = Keys(page), page.locator(":focus")
    await keys.go_to("Tasks", "Tasks")
    await keys.use(button(page, "Import"))
    await keys.arrive("Import Tasks")

    await choose_by_keys(page, keys, BAD.replace("Count", "Wax"))
    await keys.use(button(page, "Check the file"))
    await expect(focused).to_contain_text("3 cells need another value")
    await keys.check_focus()
    for words in ("3.*Status.*someday", "4.*Title", "5.*Due date.*the third of May"):
        await keys.press("j")
        await expect(focused).to_have_text(re.compile(words))
        await keys.check_focus()
    await keys.press("k")
    await expect(focused).to_have_text(re.compile("4.*Title"))

    await choose_by_keys(page, keys, GOOD.replace("Count", "Wax"), "Shift+Tab")
    await keys.use(button(page, "Check the file"))
    await expect(focused).to_contain_text("The file can be imported: 4 new, 0 changed, 0 as they are.")
    await keys.check_focus()
    await keys.use(button(page, "Import"), "Shift+Tab")
    await expect(focused).to_contain_text("Imported: 4 new, 0 changed, 0 as they were.")
    await keys.check_focus()
    await keys.use(page.get_by_role("link", name="To the list"))
    await keys.arrive("Tasks")
    await expect(page.get_by_role("table", name="Tasks")).to_contain_text("Wax the kettles")


async def test_an_import_that_stopped_goes_on_where_it_stopped(console: OpenConsole) -> None:
    page = await console("manager", "/tasks/import", refusals=[409])
    await choose(page, GOOD.replace("Count", "Polish"))
    await page.get_by_role("button", name="Check the file").click()
    await expect(page.get_by_text("The file can be imported: 4 new")).to_be_visible()
    await page.route("**/api/v1/tasks/import?*", stop_at_line_4, times=1)

    await page.get_by_role("button", name="Import", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("The import stopped at line 4.")
    await expect(page.get_by_role("alert")).to_contain_text("What was before it is kept: 2 new, 0 changed.")
    await page.get_by_role("button", name="Go on at line 4").click()
    await page.get_by_role("button", name="Check the file").click()
    await expect(page.get_by_text("The file can be imported: 2 new")).to_be_visible()
    async with page.expect_request(re.compile("/tasks/import.*from_line=4")):
        await page.get_by_role("button", name="Import", exact=True).click()
    await expect(page.get_by_text("Imported: 2 new, 0 changed, 0 as they were.")).to_be_visible()

    await page.goto("/console/tasks?q=polish+the")
    await expect(page.get_by_role("table", name="Tasks").locator("tbody tr")).to_have_count(2)


async def stop_at_line_4(route: Route) -> None:
    """Answer as the server does when it has kept two rows, and then met one that it cannot write."""
    error = {"pointer": "/body/4/title", "detail": "There is such a task by now.", "code": "taken", "params": {}}
    problem = {"code": "partly-imported", "status": 409, "title": "Conflict", "detail": "Stopped."}
    position = {"created": 2, "updated": 0, "unchanged": 0, "stopped_at_line": 4}
    body = json.dumps({**problem, **position, "errors": [error]})
    await route.fulfill(status=409, content_type="application/problem+json", body=body)


async def test_an_import_is_not_offered_to_those_who_may_not_write(console: OpenConsole) -> None:
    page = await console("reader", "/tasks/import")

    await expect(page.get_by_role("heading", level=1)).to_have_text("Import Tasks")
    await expect(page.get_by_role("alert")).to_contain_text("tasks:create")
    await page.goto("/console/tasks")
    await expect(page.get_by_role("table", name="Tasks")).to_be_visible()
    await expect(page.get_by_role("button", name="Import")).to_have_count(0)


async def test_a_file_that_a_job_imports_is_followed_to_its_report(console: OpenConsole) -> None:
    """As the server does with a large file by itself."""
    page = await console("manager", "/tasks/import")

    async def ask_for_a_job(route: Route) -> None:
        await route.continue_(headers={**route.request.headers, "prefer": "respond-async"})

    await page.route(re.compile("/tasks/import[?]"), ask_for_a_job)
    await choose(page, BAD)
    await page.get_by_role("button", name="Check the file").click()
    await expect(page.get_by_role("alert")).to_contain_text("3 cells need another value", timeout=30_000)
    await choose(page, GOOD)
    await page.get_by_role("button", name="Check the file").click()
    await expect(page.get_by_text("The file can be imported: 4 new, 0 changed, 0 as they are.")).to_be_visible(
        timeout=30_000
    )
    async with page.expect_response(lambda answer: "/tasks/import?" in answer.url) as answer:
        await page.get_by_role("button", name="Import", exact=True).click()

    assert (await answer.value).status == 202
    await expect(page.get_by_text("4 new")).to_be_visible(timeout=30_000)
