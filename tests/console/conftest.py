"""The console in Chromium, on a server with demo data, as the people who work with it."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from playwright.async_api import Browser, BrowserContext, Page, ViewportSize, expect

from scripts.servers import LAUNCHERS, UNLIMITED
from tests.browser import PATIENCE_MILLISECONDS, Watch, begin_session, open_browser, watch
from tests.console.screens import APPROVED, find_ids
from tests.demo import Demo, demo_server

WIDE: ViewportSize = {"width": 1280, "height": 800}
NARROW: ViewportSize = {"width": 390, "height": 844}
expect.set_options(timeout=PATIENCE_MILLISECONDS / 2)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    waiting = {"APPROVALS__REQUIRED_FOR": json.dumps([APPROVED])}
    folder = tmp_path_factory.mktemp("console")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(LAUNCHERS, "console", ("tests.console.program", "serve"))
        with demo_server(folder, "console", **UNLIMITED, **waiting) as demo:
            yield demo


@pytest.fixture(scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with open_browser() as browser:
        yield browser


@dataclass
class Desk:
    """A browser profile of one person, with a tab. `watch` is what the tab complained about and asked for.

    `refusals` are the statuses of problems that the test provokes: Chromium writes each into the console of the page.
    """

    context: BrowserContext
    page: Page
    watch: Watch
    refusals: Collection[int]

    @property
    def complaints(self) -> list[str]:
        resource = "Failed to load resource: the server responded with a status of"
        expected = tuple(f"{resource} {status} " for status in self.refusals)
        return [complaint for complaint in self.watch.complaints if not complaint.startswith(expected)]


OpenConsole = Callable[..., Awaitable[Page]]
"""The type of the fixture `console`."""


@asynccontextmanager
async def open_desks(demo: Demo, chromium: Browser) -> AsyncIterator[OpenConsole]:
    """`page = await open_console("manager", "/tasks")` signs in and opens a screen, each time in a profile of its own.

    At the end, no tab may have written an error to its console, broken the policy of its page or asked another host;
    the `refusals` that a test provokes on purpose, such as 412, are no such error.
    """
    desks: list[Desk] = []

    async def open_console(
        username: str, path: str = "/", *, refusals: Collection[int] = (), **options: object
    ) -> Page:
        context = await chromium.new_context(**{"viewport": WIDE, "base_url": demo.url, **options})  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE_MILLISECONDS / 2)
        page = await context.new_page()
        desks.append(Desk(context, page, watch(page), refusals))
        await begin_session(context, demo.url, {"username": username, "password": demo.passwords[username]})
        await page.goto(f"/console{path}")
        await page.locator("nav").first.wait_for(state="attached")
        return page

    yield open_console

    for desk in desks:
        complaints, elsewhere = desk.complaints, desk.watch.requested_beyond(demo.url)
        await desk.context.close()
        assert complaints == []
        assert elsewhere == []


@pytest.fixture
async def console(demo: Demo, chromium: Browser) -> AsyncIterator[OpenConsole]:
    """Opens the console for one test, as `open_desks` says."""
    async with open_desks(demo, chromium) as open_console:
        yield open_console


@pytest.fixture(scope="module")
async def desk(demo: Demo, chromium: Browser) -> AsyncIterator[OpenConsole]:
    """Opens the console as `console` does, in profiles that last as long as the module."""
    async with open_desks(demo, chromium) as open_console:
        yield open_console


@pytest.fixture(scope="module")
async def ids(demo: Demo) -> dict[str, str]:
    """The ids in the addresses of the screens."""
    return await find_ids(demo)


async def sign_in(page: Page, username: str, password: str) -> None:
    """Fill in the form, and wait until the console is there."""
    await page.get_by_label("Username").fill(username)
    await page.get_by_label("Password", exact=True).fill(password)
    await page.get_by_role("button", name="Sign in").click()
    await page.locator("nav").first.wait_for(state="attached")
