"""What every screen holds: its weight, its sentences, its accessibility in both themes, and windows of half the width.

Each screen is opened once, in the pseudo-language, for all tests of it.
"""

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from playwright.async_api import Page, Response, ViewportSize, expect

from tests.browser import Traffic
from tests.console.calls import calls_of
from tests.console.conftest import WIDE, OpenConsole
from tests.console.pseudo import find_unspoken, to_english, words_of
from tests.console.screens import ALL, PUBLIC, SCREENS, Screen, declared_paths
from tests.demo import Demo

LOADED_BYTES, LOADED_FILES = 200_000, 12
LIST_BYTES = 170_000
HALF: ViewportSize = {"width": 640, "height": 400}
"""The window of 1280 × 800 at 200 % zoom."""
FEW_ROWS = "limit=10"
COLOURS = ["color-contrast", "link-in-text-block"]
"""The rules of axe for which it matters which theme is shown."""

CUT = """() => {
  const isCut = (at) => {
    const { overflowX, textOverflow } = getComputedStyle(at);
    const isWider = at.scrollWidth > at.clientWidth + 1;
    const isControl = at.matches("button, a, summary, label, legend, h1, h2, dt, th");
    return isWider && at.clientWidth > 0 && overflowX !== "auto" && overflowX !== "scroll"
      && (isControl || overflowX === "hidden" || overflowX === "clip" || textOverflow === "ellipsis");
  };
  const isData = (at) => at.closest(".visually-hidden, .table td:not(.matrix td), .matrix .more, svg");
  return [...document.body.querySelectorAll("*")]
    .filter((at) => !isData(at) && getComputedStyle(at).display !== "inline" && isCut(at))
    .map((at) => at.outerHTML.slice(0, 200));
}"""
"""Texts that are cut off or stick out of their box. A cell of a table ends a long value of an item with an ellipsis."""


@dataclass
class Visit:
    """A screen that is open in a tab, and what the tab asked for to show it."""

    page: Page
    screen: Screen
    answers: list[Response]

    @property
    def is_public(self) -> bool:
        return any(self.screen in screens for screens in PUBLIC.values())


@pytest.fixture(scope="module")
async def tab(desk: OpenConsole) -> Page:
    """A tab of the administrator that asks for every file anew."""
    page = await desk("admin", locale="en-GB")
    await (await page.context.new_cdp_session(page)).send("Network.setCacheDisabled", {"cacheDisabled": True})
    await page.add_init_script(AXE_SCRIPT)
    return page


@pytest.fixture(scope="module")
def traffic(tab: Page) -> Traffic:
    return Traffic(tab)


@pytest.fixture(scope="module", params=ALL, ids=[screen.address for screen in ALL])
async def visit(request: pytest.FixtureRequest, tab: Page, traffic: Traffic, ids: dict[str, str]) -> Visit:
    screen: Screen = request.param
    await tab.set_viewport_size(WIDE)
    traffic.begin()
    await screen.open(tab, traffic, ids, f"{FEW_ROWS}&language=pseudo")
    return Visit(tab, screen, await traffic.answers())


@pytest.fixture(scope="module")
async def told(demo: Demo) -> set[str]:
    """What the document of the API says."""
    async with calls_of(demo, "admin") as admin:
        return words_of((await admin.get("/document")).json())


def test_every_screen_of_the_console_is_visited() -> None:
    assert sorted(SCREENS) == sorted(declared_paths())


async def test_a_screen_loads_few_small_files(visit: Visit) -> None:
    heading = visit.page.get_by_role("heading", level=1)
    assert re.search(visit.screen.heading, to_english(await heading.inner_text()))

    files = await weigh(visit.answers)
    assert len(files) > 3
    assert len(files) <= LOADED_FILES, files
    assert sum(files.values()) <= (LIST_BYTES if visit.screen in SCREENS["/$slug"] else LOADED_BYTES), files


async def test_a_screen_has_nothing_counted_unasked(visit: Visit) -> None:
    asked = [urlsplit(each.url) for each in visit.answers]

    called = [each.path for each in asked if each.path.startswith("/api/v1/")]
    assert (called == []) == visit.is_public
    assert [each.geturl() for each in asked if {"total", "count"} & parse_qs(each.query).keys()] == []


async def test_every_sentence_of_a_screen_is_in_the_catalogue(visit: Visit, told: set[str]) -> None:
    heading, skip = visit.page.get_by_role("heading", name="["), visit.page.get_by_role("link", name="[Škíp")
    await expect(heading if visit.is_public else skip).to_be_attached()

    assert await find_unspoken(visit.page, visit.answers, told) == []


async def test_a_screen_is_accessible_in_both_themes(visit: Visit) -> None:
    for scheme, options in {"light": {}, "dark": {"runOnly": COLOURS}}.items():
        await visit.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        found = AxeResults(await run_axe(visit.page, {"resultTypes": ["violations"], **options}))

        assert found.response["passes"]
        assert found.violations_count == 0, found.generate_report()


async def test_a_screen_shows_whole_texts_also_at_twice_the_size(visit: Visit) -> None:
    for size in (WIDE, HALF):
        await visit.page.set_viewport_size(size)

        assert await visit.page.evaluate(CUT) == []
        assert await visit.page.locator("body").evaluate("body => body.scrollWidth <= body.clientWidth")


async def test_a_text_that_is_cut_off_is_found(tab: Page) -> None:
    await tab.goto("/console/me")
    save = tab.get_by_role("button", name="Save").first

    await save.evaluate("button => { button.style.width = '20px'; button.parentElement.style.overflow = 'hidden'; }")

    assert any("<button" in found for found in await tab.evaluate(CUT))


async def run_axe(page: Page, options: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = await page.evaluate("options => axe.run(options)", options)
    return found


async def weigh(answers: list[Response]) -> dict[str, int]:
    """The packed size of each file of the console, also of those that the tab still had in its memory."""
    files = {urlsplit(each.url).path: each for each in answers if each.status == HTTPStatus.OK}
    return {path: await size_of(each) for path, each in files.items() if path.startswith("/console")}


async def size_of(answer: Response) -> int:
    """The size of an answer. The headers of a page that was only revalidated do not say it: then as it is unpacked."""
    packed = (await answer.all_headers()).get("content-length")
    return len(await answer.body()) if packed is None else int(packed)
