"""The list and the items of any module, in the browser, as those who may write and as those who may only read."""

import asyncio
import csv
import io
import re

from playwright.async_api import Page, Route, expect

from tests.console.calls import calls_of, create_tasks
from tests.console.conftest import OpenConsole
from tests.demo import Demo

SHELVES = [f"Dust shelf {number:02}" for number in range(60)]


def rows_of(page: Page, list_name: str = "Tasks"):  # type: ignore[no-untyped-def]
    return page.get_by_role("table", name=list_name).locator("tbody tr")


async def test_a_list_is_what_its_address_says(console: OpenConsole, demo: Demo) -> None:
    async with calls_of(demo, "manager") as manager:
        ids = await create_tasks(manager, *SHELVES)
        await manager.patch(f"/tasks/{ids[7]}", json={"priority": "urgent"}, headers={"If-Match": '"1"'})
    page = await console("manager", "/tasks?q=dust+shelf")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    await expect(rows_of(page)).to_have_count(50)
    await expect(page.get_by_text("50 shown")).to_be_visible()
    assert not [url for url in asked if "total=" in url]
    await page.get_by_role("button", name="Count all").click()
    await expect(page.get_by_text("50 shown of 60")).to_be_visible()

    await page.get_by_role("button", name="Title").click()
    await expect(page).to_have_url(re.compile("sort=title"))
    await expect(rows_of(page).first).to_contain_text("Dust shelf 00")
    await page.get_by_role("button", name="Next").click()
    await expect(rows_of(page)).to_have_count(10)
    await page.reload()
    await expect(rows_of(page).first).to_contain_text("Dust shelf 50")
    await expect(page.get_by_role("columnheader", name="Title")).to_have_attribute("aria-sort", "ascending")
    await page.go_back()
    await expect(rows_of(page)).to_have_count(50)

    await page.get_by_role("button", name="Filter", exact=True).click()
    await page.get_by_role("dialog").get_by_label("Urgent").check()
    await page.get_by_role("dialog").get_by_role("button", name="Close").last.click()
    await expect(page).to_have_url(re.compile("priority=urgent"))
    await expect(rows_of(page)).to_have_count(1)
    await expect(rows_of(page).first).to_contain_text("Dust shelf 07")
    await page.get_by_role("button", name="Remove Priority: Urgent").click()
    await expect(rows_of(page)).to_have_count(50)

    await page.get_by_role("button", name="Columns").click()
    await page.get_by_role("dialog").get_by_label("Assignee").uncheck()
    await page.keyboard.press("Escape")
    await expect(page).to_have_url(re.compile("shown="))
    await page.goto("/console/tasks")
    await expect(rows_of(page).first).to_be_visible()
    await expect(page.get_by_role("columnheader", name="Assignee")).to_have_count(0)


async def test_a_reader_is_offered_nothing_that_would_be_refused(console: OpenConsole) -> None:
    page = await console("reader", "/tasks")

    await expect(rows_of(page).first).to_be_visible()
    for name in ("New", "Import", "Deleted items"):
        await expect(page.get_by_role("button", name=name)).to_have_count(0)
    await expect(page.get_by_role("checkbox")).to_have_count(0)
    await rows_of(page).first.click()
    await expect(page.get_by_role("heading", name="History")).to_be_visible()
    await expect(page.get_by_label("Title")).not_to_be_editable()
    for name in ("Save", "Delete", "Revert to this"):
        await expect(page.get_by_role("button", name=name)).to_have_count(0)

    await expect(page.get_by_role("searchbox")).to_have_count(0)
    await page.goto("/console/tasks")
    await expect(page.get_by_role("searchbox")).to_be_visible()
    await page.goto("/console/customers")
    await expect(rows_of(page, "Customers").first).to_be_visible()
    await expect(page.get_by_role("searchbox")).to_have_count(0)  # it would compare names, which are masked

    await page.goto("/console/tasks/new")
    refusal = page.get_by_role("alert")
    await expect(refusal).to_contain_text("It needs the permission tasks:create.")
    await expect(refusal).to_contain_text(
        "A person who holds users:update, users:read, and roles:read can give it to you."
    )


async def test_somebody_was_faster_and_the_way_back(console: OpenConsole, demo: Demo) -> None:
    async with calls_of(demo, "manager") as manager:
        [task] = await create_tasks(manager, "Wash the windows")
        page = await console("manager", f"/tasks/{task}", refusals=[412])
        await page.get_by_label("Title").fill("Wash all windows")
        await page.get_by_label("Due date").fill("2031-05-01")
        change = {"title": "Wash the windows and doors", "priority": "high"}
        await manager.patch(f"/tasks/{task}", json=change, headers={"If-Match": '"1"'})

    await page.get_by_role("button", name="Save").click()
    dialog = page.get_by_role("dialog", name="Somebody was faster")
    await expect(dialog.get_by_role("group")).to_have_count(2)
    title = dialog.get_by_role("group", name="Title")
    await expect(title.get_by_role("radio", name="Mine")).to_be_checked()
    await title.get_by_role("radio", name="Theirs Wash the windows and doors").check()
    await dialog.get_by_role("button", name="Save these values").click()
    await expect(page.get_by_text("Version 3")).to_be_visible()
    await expect(page.get_by_label("Title")).to_have_value("Wash the windows and doors")
    await expect(page.get_by_label("Due date")).to_have_value("2031-05-01")
    await expect(page.get_by_label("Priority")).to_have_value("high")

    created = page.get_by_role("region", name="History").get_by_role("listitem").last
    await created.get_by_role("button", name="Revert to this").click()
    await page.get_by_role("dialog").get_by_label("Reason").fill("Only the windows – as agreed")
    await page.get_by_role("dialog").get_by_role("button", name="Revert to this").click()
    await expect(page.get_by_text("Version 4")).to_be_visible()
    await expect(page.get_by_label("Title")).to_have_value("Wash the windows")
    await expect(page.get_by_role("blockquote")).to_have_text("Only the windows – as agreed")


async def test_what_was_deleted_at_once_is_restored_and_downloaded(console: OpenConsole, demo: Demo) -> None:
    async with calls_of(demo, "manager") as manager:
        await create_tasks(manager, "Mop floor 1", "Mop floor 2", "Mop floor 3")
    page = await console("manager", "/tasks?q=mop&sort=title")

    await page.get_by_label("Select Mop floor 1").check()
    await page.get_by_label("Select Mop floor 3").check()
    await page.get_by_role("button", name="Delete", exact=True).click()
    dialog = page.get_by_role("dialog", name="Delete 2 items?")
    await expect(dialog.get_by_role("listitem")).to_have_text(["Mop floor 1", "Mop floor 3"])
    await dialog.get_by_label("Reason").fill("Done by others")
    await dialog.get_by_role("button", name="Delete").click()
    await expect(rows_of(page)).to_have_count(1)

    await page.get_by_role("button", name="Deleted items").click()
    await expect(rows_of(page)).to_have_count(2)
    await page.get_by_text("Mop floor 1").click()
    await page.get_by_role("button", name="Restore").click()
    await expect(page.get_by_role("button", name="Delete")).to_be_visible()

    await page.goto("/console/tasks?q=mop&sort=title")
    await page.get_by_role("button", name="Export").click()
    async with page.expect_download() as download:
        await page.get_by_role("dialog").get_by_role("button", name="Export").click()
    text = await asyncio.to_thread((await (await download.value).path()).read_text, "utf-8")
    assert [row["title"] for row in csv.DictReader(io.StringIO(text))] == ["Mop floor 1", "Mop floor 2"]


async def test_items_are_found_though_a_field_beside_the_search_is_masked(console: OpenConsole, demo: Demo) -> None:
    async with calls_of(demo, "manager") as manager:
        await create_tasks(manager, "Kite workshop")
    page = await console("manager", "/")

    async def mask(route: Route) -> None:
        document = await (await route.fetch()).json()
        document["components"]["schemas"]["TaskRead"]["properties"]["due_date"]["x-read-action"] = "tasks:read-dates"
        await route.fulfill(json=document)

    await page.route("**/api/v1/document", mask)
    async with page.expect_response("**/api/v1/document"):
        await page.reload()
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    await page.keyboard.press("Control+k")
    await expect(page.get_by_role("dialog", name="Go to")).to_be_visible()
    await page.keyboard.type("kite work")
    await page.get_by_role("menuitem", name="Kite workshop").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Kite workshop")


async def test_a_task_is_found_and_changed_by_keys_alone(console: OpenConsole, demo: Demo) -> None:
    async with calls_of(demo, "manager") as manager:
        await create_tasks(manager, "Sort keys 1", "Sort keys 2", "Sort keys 3")
    page = await console("manager", "/")
    press, write = page.keyboard.press, page.keyboard.type

    await press("Control+k")
    await expect(page.get_by_role("dialog", name="Go to")).to_be_visible()
    await write("Tasks")
    await expect(page.get_by_role("menuitem", name="Tasks").first).to_be_visible()
    await press("ArrowDown")
    await press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Tasks")
    await expect(rows_of(page).first).to_be_visible()
    await press("/")
    await write("sort keys")
    await press("Enter")
    await expect(rows_of(page)).to_have_count(3)
    await page.get_by_role("searchbox").blur()
    for key in ("j", "j", "j", "k"):
        await press(key)
    await expect(rows_of(page).nth(1)).to_be_focused()
    await press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sort keys 2")
    await expect(page.get_by_label("Title")).to_be_visible()
    await press("e")
    await expect(page.get_by_label("Title")).to_be_focused()
    await press("End")
    await write(" by size")
    await press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sort keys 2 by size")

    help_button = page.get_by_role("button", name="Keys")
    await help_button.focus()
    await press("?")
    await expect(page.get_by_role("dialog", name="Keys")).to_contain_text("Next row")
    await press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(help_button).to_be_focused()
