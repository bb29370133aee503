"""No sentence of the console is outside its catalogue: in the pseudo-language each one is in brackets."""

import json
import re
from typing import Any

from playwright.async_api import Page, Response

from tests.console.calls import calls_of
from tests.console.conftest import OpenConsole
from tests.demo import Demo

OWN_NAMES = {"attest", "ctrl k", "enter", "esc"}

SPOKEN = """() => {
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { parentElement: at, data } = walker.currentNode;
    if (!at.closest("time, data, code, script, noscript")) texts.push(data);
  }
  for (const at of document.querySelectorAll("[aria-label], [placeholder], [title]:not(time)"))
    texts.push(...["aria-label", "placeholder", "title"].map((name) => at.getAttribute(name)).filter(Boolean));
  return texts;
}"""


def plain(text: str) -> str:
    """A text without case, and names of the API as the console writes them: `due_date` → `due date`."""
    return " ".join(re.sub(r"[_-]+", " ", text).lower().split())


def words_of(value: Any) -> set[str]:
    """Every text of an answer of the API, its names of fields included."""
    if isinstance(value, dict):
        return {plain(str(key)) for key in value}.union(*map(words_of, value.values()))
    if isinstance(value, list):
        return set().union(*map(words_of, value))
    return {plain(str(value))}


async def test_every_sentence_is_in_the_catalogue(console: OpenConsole, demo: Demo) -> None:
    async with calls_of(demo, "manager") as manager:
        task = (await manager.get("/tasks", params={"limit": 1})).json()["items"][0]["id"]
    page = await console("manager", "/", locale="en-GB")
    told: set[str] = set()

    async def listen(response: Response) -> None:
        if "/api/v1/" in response.url and "json" in response.headers.get("content-type", ""):
            told.update(words_of(json.loads(await response.text())))

    page.on("response", listen)
    unspoken: dict[str, list[str]] = {}
    for path in (
        "/",
        "/tasks",
        "/tasks/new",
        f"/tasks/{task}",
        "/tasks/import",
        "/me",
        "/products/new",
        "/nowhere/at/all",
    ):
        await page.goto(f"/console{path}?language=pseudo")
        await page.get_by_role("heading", level=1).or_(page.locator("main .state")).first.wait_for()
        await page.wait_for_load_state("networkidle")
        unspoken[path] = await outside(page, told)
    for key, name in (("?", "keys"), ("Control+k", "palette")):
        await page.keyboard.press(key)
        await page.get_by_role("dialog").wait_for()
        unspoken[name] = await outside(page, told)
        await page.keyboard.press("Escape")

    assert {place: texts for place, texts in unspoken.items() if texts} == {}


async def outside(page: Page, told: set[str]) -> list[str]:
    """What the page says and neither the catalogue nor the API."""
    texts: list[str] = await page.evaluate(SPOKEN)
    return sorted({text for text in texts if not is_explained(text, told)})


def is_explained(text: str, told: set[str]) -> bool:
    if not re.search(r"[^\W\d_]{2}", text) or ("[" in text and "]" in text):
        return True
    return plain(text) in told | OWN_NAMES or plain(text).removesuffix("s") in told
