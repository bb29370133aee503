"""What every screen holds: its weight, its accessibility in both themes, and a window of half the width."""

from functools import partial

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, Request, expect

from tests.console.conftest import OpenConsole

SCREENS = {
    "/": "Home",
    "/tasks": "Tasks",
    "/tasks/new": "New task",
    "/tasks/import": "Import Tasks",
    "/me": "My account",
    "/users": "Users",
    "/approvals": "Approvals",
    "/audit/summary": "Summary",
    "/audit/changes": "Change log",
    "/audit/access": "Access log",
    "/audit/logins": "Sign-ins",
    "/audit/sessions": "Open sessions",
    "/audit/keys": "API keys",
    "/audit/proofs": "Proofs",
    "/roles/matrix": "Matrix",
    "/roles/explain?username=reader&permission=products:delete": "Why, why not",
    "/roles/versions": "Versions",
}
"""Screens by address, with the beginning of their heading, as the administrator sees them."""
LOADED_BYTES, LOADED_FILES = 200_000, 12
HALF = {"width": 640, "height": 400}
"""The window of 1280 × 800 at 200 % zoom."""


async def show(page: Page, path: str) -> None:
    """Open a screen in a tab that is signed in, and wait until it is there."""
    await page.goto(f"/console{path}")
    await expect(page.get_by_role("heading", level=1)).to_have_text(SCREENS[path])
    await page.wait_for_load_state("networkidle")


@pytest.mark.parametrize("path", SCREENS)
async def test_a_screen_loads_few_small_files(console: OpenConsole, path: str) -> None:
    page = await console("admin")
    loaded: list[Request] = []
    await (await page.context.new_cdp_session(page)).send("Network.setCacheDisabled", {"cacheDisabled": True})
    page.on("requestfinished", partial(list.append, loaded))

    await show(page, path)

    files = {each.url: (await each.sizes())["responseBodySize"] for each in loaded if "/console" in each.url}
    assert len(files) > 3
    assert len(files) <= LOADED_FILES, sorted(files)
    assert sum(files.values()) <= LOADED_BYTES, files


@pytest.mark.parametrize("path", SCREENS)
async def test_a_screen_is_accessible_in_both_themes(console: OpenConsole, path: str) -> None:
    page = await console("admin", bypass_csp=True)  # for the script that checks the page

    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        await show(page, path)

        found = await Axe().run(page)

        assert found.response["passes"]
        assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("path", SCREENS)
async def test_a_screen_fits_at_twice_the_size(console: OpenConsole, path: str) -> None:
    page = await console("admin", viewport=HALF)

    await show(page, path)

    body = page.locator("body")
    assert await body.evaluate("body => body.scrollWidth <= body.clientWidth")
