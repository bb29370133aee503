"""Sessions of a browser over many tabs, and a server that dies while it saves."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, Route, expect

from scripts.servers import Server, migrate, signed_in, superuser
from tests.console.conftest import OpenConsole, sign_in

TABS = 12
TOKEN_SECONDS = 15 * 60


async def test_tabs_with_an_expired_token_renew_it_once_and_sign_out_together(console: OpenConsole) -> None:
    first = await console("manager", "/tasks")
    context = first.context
    tabs = [first, *[await context.new_page() for _ in range(TABS - 1)]]
    for tab in tabs[1:]:
        await tab.goto("/console/tasks")
    for tab in tabs:
        await expect(tab.get_by_role("heading", level=1)).to_have_text("Tasks")
        await tab.wait_for_load_state("networkidle")
    renewals: list[str] = []
    context.on("request", lambda request: renewals.append(request.url) if "/browser/refresh" in request.url else None)

    for tab in tabs:
        await tab.clock.set_system_time(time.time() + TOKEN_SECONDS)
    await asyncio.gather(*[tab.get_by_role("link", name="Customers").click() for tab in tabs])
    for tab in tabs:
        await expect(tab.get_by_role("table", name="Customers").locator("tbody tr").first).to_be_visible()
    assert len(renewals) == 1

    await tabs[0].get_by_role("button", name="Sign out").click()
    for tab in tabs:
        await expect(tab.get_by_role("heading", level=1)).to_have_text("Sign in")


@pytest.fixture
async def mortal(tmp_path: Path) -> AsyncIterator[Server]:
    """A server of this test alone, to kill and to start again."""
    with Server(migrate(str(tmp_path))) as server:
        yield server


async def test_a_server_that_dies_after_it_saved_has_one_item(mortal: Server, chromium: Browser) -> None:
    root = await asyncio.to_thread(superuser, mortal)
    page: Page = await (await chromium.new_context(base_url=mortal.url)).new_page()
    await page.goto("/console/tasks/new")
    await sign_in(page, root["username"], root["password"])
    attempts = 0

    async def save_and_die(route: Route) -> None:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            await route.fetch()
            await asyncio.to_thread(mortal.kill)
        await route.abort("connectionreset")

    await page.route("**/api/v1/tasks", save_and_die)
    await page.get_by_label("Title").fill("Made once")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("alert")).to_contain_text("The server does not answer.")
    assert attempts > 1

    await page.unroute("**/api/v1/tasks")
    await asyncio.to_thread(mortal.start)
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Made once")
    async with signed_in(mortal, root) as client:
        assert [task["title"] for task in (await client.get("/tasks")).json()["items"]] == ["Made once"]
    await page.context.close()
