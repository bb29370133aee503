"""The console on a million tasks, in Chromium: when rows are on the screen, warm and cold, and what the tab then holds.

Each round visits an empty page, too: on a busy machine only the ratios to it say something.
"""

import asyncio
import statistics
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
from playwright.async_api import Browser, Page

from scripts.bench.databases import new_database
from scripts.bench.figures import markdown, median_ratio
from scripts.bench.files import insert_rows
from scripts.people import sign_in
from scripts.servers import Server, migrate, superuser
from tests.browser import begin_session, open_browser
from tests.databases import Postgresql

ROWS, RUNS, PAGES = 1_000_000, 9, 20
EMPTY, LIST = "/", "/console/tasks"
ROW = "table tbody tr"
NO_TRIGGERS = "session_replication_role=replica"
"""Rows that only reading needs are inserted without the checks of a change."""
BUDGETS = {"rows, warm": 1000, "rows, cold": 2000, "API, first page": 300, "API, next page": 300}
Times = defaultdict[str, list[float]]


async def measure(step: Callable[[], Awaitable[object]]) -> float:
    """The milliseconds that a step takes."""
    started = time.perf_counter()
    await step()
    return (time.perf_counter() - started) * 1000


async def open_empty(page: Page) -> None:
    await page.goto(EMPTY)


async def open_list(page: Page) -> None:
    """Open the list, and wait for its rows."""
    await page.goto(LIST)
    await page.locator(ROW).first.wait_for()


async def go_on(page: Page) -> None:
    """Go to the next page of the list, and wait for its rows."""
    async with page.expect_response(lambda answer: "cursor=" in answer.url):
        await page.get_by_role("button", name="Next").click()
    await page.locator(ROW).first.wait_for()


async def heap(page: Page) -> float:
    """MB of objects in the memory of a tab, without garbage."""
    session = await page.context.new_cdp_session(page)
    await session.send("HeapProfiler.collectGarbage")
    used = await session.send("Runtime.getHeapUsage")
    return float(used["usedSize"]) / 1e6


async def visit_cold(browser: Browser, server: Server, person: dict[str, str]) -> float:
    """The time of the first visit of a browser that has no file of the console."""
    context = await browser.new_context(base_url=server.url)
    await begin_session(context, server.url, person)
    page = await context.new_page()
    spent = await measure(lambda: open_list(page))
    await context.close()
    return spent


def ask_api(client: httpx.Client, times: Times) -> None:
    """Ask for the first page and the next, as the console does."""
    started = time.perf_counter()
    first = client.get("/tasks", params={"limit": 50}).raise_for_status().json()
    between = time.perf_counter()
    client.get("/tasks", params={"limit": 50, "cursor": first["next_cursor"]}).raise_for_status()
    times["API, first page"].append((between - started) * 1000)
    times["API, next page"].append((time.perf_counter() - between) * 1000)


async def drive(
    server: Server, person: dict[str, str], newcomer: dict[str, str], runs: int, pages: int
) -> tuple[Times, list[float], list[str]]:
    """The times of all steps, the memory of the tab before and after `pages`, and the requests that counted rows.

    The newcomer begins a session for each cold visit, and there is a limit to how many a person has.
    """
    times: Times = defaultdict(list)
    asked: list[str] = []
    async with open_browser() as browser:
        context = await browser.new_context(base_url=server.url)
        await begin_session(context, server.url, person)
        page = await context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        await open_list(page)
        with sign_in(server, person) as client:
            for _ in range(runs):
                times["an empty page"].append(await measure(lambda: open_empty(page)))
                times["rows, warm"].append(await measure(lambda: open_list(page)))
                times["rows of the next page"].append(await measure(lambda: go_on(page)))
                times["rows, cold"].append(await visit_cold(browser, server, newcomer))
                ask_api(client, times)
        await open_list(page)
        memory = [await heap(page)]
        for _ in range(pages):
            await go_on(page)
        memory.append(await heap(page))
    counting = [url for url in asked if "total" in parse_qs(urlsplit(url).query)]
    return times, memory, counting


def describe(times: Times, heaps: list[float], counting: list[str], pages: int) -> str:
    empty = times["an empty page"]
    rows = [
        [name, f"{statistics.median(spent):.0f}", f"{median_ratio(spent, empty):.1f}", str(BUDGETS.get(name, ""))]
        for name, spent in times.items()
    ]
    table = markdown([f"ms, median of {len(empty)}", "time", "÷ an empty page", "budget"], rows)
    before, after = heaps
    memory = f"Memory of the tab: {before:.1f} MB, after {pages} pages {after:.1f} MB."
    return f"{table}\n\n{memory} Requests that counted rows: {len(counting)}."


def measure_console(backend: Postgresql, folder: str, rows: int = ROWS, runs: int = RUNS, pages: int = PAGES) -> str:
    """The times, memory and counts of the list of a table with so many rows."""
    place = f"{folder}/console"
    Path(place).mkdir()
    with new_database(backend, "bench_console") as url:
        environment = {**migrate(place, url), "AUTH__ACCESS_TTL": "7200"}
        between = "&" if "?" in url else "?"
        asyncio.run(insert_rows(f"{url}{between}{NO_TRIGGERS}", rows))
        with Server(environment).start(log=Path(place, "server.log")) as server:
            found = asyncio.run(drive(server, superuser(server), superuser(server), runs, pages))
    return describe(*found, pages)
