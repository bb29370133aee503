"""What every screen holds: its weight, its accessibility in both themes, and a window of half the width."""

from functools import partial
from http import HTTPStatus
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, Response, ViewportSize

from tests.console.conftest import WIDE, OpenConsole
from tests.console.screens import SCREENS, Screen, declared_paths, each_screen

LOADED_BYTES, LOADED_FILES = 200_000, 12
LIST_BYTES = 170_000
HALF: ViewportSize = {"width": 640, "height": 400}
"""The window of 1280 × 800 at 200 % zoom."""


@pytest.fixture(scope="module")
async def tab(desk: OpenConsole) -> Page:
    """A tab of the administrator that asks for every file anew."""
    page = await desk("admin")
    await (await page.context.new_cdp_session(page)).send("Network.setCacheDisabled", {"cacheDisabled": True})
    return page


@pytest.fixture(scope="module")
async def examined(desk: OpenConsole) -> Page:
    """A tab of the administrator that lets a script of the test check the page."""
    return await desk("admin", bypass_csp=True)


def test_every_screen_of_the_console_is_held_to_its_budgets() -> None:
    assert sorted(SCREENS) == sorted(declared_paths())


@each_screen
async def test_a_screen_loads_few_small_files_and_fits_at_twice_the_size(
    tab: Page, ids: dict[str, str], screen: Screen
) -> None:
    await tab.set_viewport_size(WIDE)
    answers: list[Response] = []
    note = partial(list.append, answers)
    tab.on("response", note)

    await screen.show(tab, ids)

    tab.remove_listener("response", note)
    files = await weigh(answers)
    assert len(files) > 3
    assert len(files) <= LOADED_FILES, files
    assert sum(files.values()) <= (LIST_BYTES if screen in SCREENS["/$slug"] else LOADED_BYTES), files

    await tab.set_viewport_size(HALF)
    assert await tab.locator("body").evaluate("body => body.scrollWidth <= body.clientWidth")


@each_screen
async def test_a_screen_is_accessible_in_both_themes(examined: Page, ids: dict[str, str], screen: Screen) -> None:
    await screen.show(examined, ids)

    for scheme in ("light", "dark"):
        await examined.emulate_media(color_scheme=scheme)
        found = await Axe().run(examined)

        assert found.response["passes"]
        assert found.violations_count == 0, found.generate_report()


async def weigh(answers: list[Response]) -> dict[str, int]:
    """The packed size of each file of the console, also of those that the tab still had in its memory."""
    files = {urlsplit(each.url).path: each for each in answers if each.status == HTTPStatus.OK}
    return {path: await size_of(each) for path, each in files.items() if path.startswith("/console")}


async def size_of(answer: Response) -> int:
    """The size of an answer. The headers of a page that was only revalidated do not say it: then as it is unpacked."""
    packed = (await answer.all_headers()).get("content-length")
    return len(await answer.body()) if packed is None else int(packed)
