"""No sentence of the console is outside its catalogue: in the pseudo-language each one is in brackets."""

import json
import re
from typing import Any

from playwright.async_api import Error, Page, Response

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
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108 - Playwright marks it
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
        answers.clear()
        await page.goto(f"/console{path}?language=pseudo")
        await page.get_by_role("heading", level=1).or_(page.locator("main .state")).first.wait_for()
        await page.wait_for_load_state("networkidle")
        unspoken[path] = await outside(page, answers)
    for key, name in (("?", "keys"), ("Control+k", "palette")):
        await page.keyboard.press(key)
        await page.get_by_role("dialog").wait_for()
        unspoken[name] = await outside(page, answers)
        await page.keyboard.press("Escape")

    assert {place: texts for place, texts in unspoken.items() if texts} == {}


async def outside(page: Page, answers: list[Response]) -> list[str]:
    """What the page says and neither the catalogue nor the API, in its answers since the page was loaded."""
    told: set[str] = set().union(*[await words_in(answer) for answer in answers])
    texts: list[str] = await page.evaluate(SPOKEN)
    return sorted({text for text in texts if not is_explained(text, told)})


async def words_in(answer: Response) -> set[str]:
    if "/api/v1/" not in answer.url or "json" not in answer.headers.get("content-type", ""):
        return set()
    try:
        return words_of(json.loads(await answer.text()))
    except Error:  # of a page that was left meanwhile
        return set()


def is_explained(text: str, told: set[str]) -> bool:
    if not re.search(r"[^\W\d_]{2}", text) or ("[" in text and "]" in text):
        return True
    return plain(text) in told | OWN_NAMES or plain(text).removesuffix("s") in told
