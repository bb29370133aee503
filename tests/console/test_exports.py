"""A long list is exported by a job, which the console follows, and whose file it offers once."""

import asyncio
import csv
import io
import re
from pathlib import Path

from playwright.async_api import Page, Route, expect

from tests.console.calls import calls_of
from tests.console.conftest import OpenConsole
from tests.demo import Demo


async def count_as_long(route: Route) -> None:
    """Answer as the server does where a list has more rows than it counts."""
    answer = await route.fetch()
    await route.fulfill(response=answer, json={**await answer.json(), "total": 10_000, "total_is_exact": False})


async def export(page: Page) -> None:
    await page.get_by_role("button", name="Export").click()
    await page.get_by_role("dialog").get_by_role("button", name="Export").click()


async def test_a_long_list_is_written_by_a_job_and_its_file_fetched_once(console: OpenConsole, demo: Demo) -> None:
    page = await console("manager", "/products?sort=name&q=a")
    await page.route(re.compile("/api/v1/products[?].*total=true"), count_as_long)

    await export(page)
    await expect(page).to_have_url(re.compile("/console/jobs/"))
    await expect(page.get_by_text("products.csv is written. It can be fetched once")).to_be_visible()
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Fetch the file").click()
    file = await download.value
    text = await asyncio.to_thread(Path(await file.path()).read_text)

    assert file.suggested_filename == "products.csv"
    async with calls_of(demo, "manager") as manager:
        listed = (await manager.get("/products", params={"sort": "name", "q": "a", "limit": 100})).json()["items"]
    assert [row["name"] for row in csv.DictReader(io.StringIO(text))] == [item["name"] for item in listed] != []
    await expect(page.get_by_text("The file is on its way.")).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("heading", level=1)).to_have_text("transfers.export")
    await expect(page.get_by_role("heading", name="Result")).to_be_visible()
    await expect(page.get_by_role("button", name="Fetch the file")).to_have_count(0)


async def test_what_no_job_can_write_is_a_download_however_long_it_is(console: OpenConsole) -> None:
    page = await console("admin", "/jobs", refusals=[422])
    await page.route(re.compile("/api/v1/jobs[?].*total=true"), count_as_long)

    async with page.expect_download() as download:
        await export(page)

    assert (await download.value).suggested_filename == "jobs.csv"
