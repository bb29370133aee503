"""The pseudo-language: the sentences of the catalogue stand in brackets. All else that is said comes from the API."""

import json
import re
import unicodedata
from collections.abc import Collection
from typing import Any

from playwright.async_api import Error, Page, Response

OWN_NAMES = {"attest", "ctrl k", "enter", "esc"}
SENTENCE = re.compile(r"\[[^\[\]]*\]")
BETWEEN = re.compile(r",? and |, |^(?:get|head|post|put|patch|delete) (?=/)")
"""What stands between names of the API: in a list of `Intl`, and in a request."""
ABBREVIATED = "…"

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


def to_english(text: str) -> str:
    """A sentence of the pseudo-language without its accents and brackets; other texts as they are."""
    bare = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return re.sub(r"\[|·*\]", "", bare)


def plain(text: str) -> str:
    """A text without case, and names of the API as the console writes them: `due_date` → `due date`."""
    return " ".join(re.sub(r"[_-]+", " ", text).lower().split())


def words_of(value: Any) -> set[str]:
    """Every text of an answer of the API, its names of fields included, and each object as the text that it is."""
    if isinstance(value, dict):
        whole = plain(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
        return {whole, *map(plain, value)}.union(*map(words_of, value.values()))
    if isinstance(value, list):
        return set().union(*map(words_of, value))
    return {plain(str(value))}


async def find_unspoken(page: Page, answers: Collection[Response], told: set[str]) -> list[str]:
    """What the page says that is neither in the catalogue, nor in an answer of the API, nor `told` by it before."""
    told = told.union(*[await words_in(answer) for answer in answers])
    texts: list[str] = await page.evaluate(SPOKEN)
    return sorted({text for text in texts if not is_explained(text, told)})


async def words_in(answer: Response) -> set[str]:
    path, kind = answer.url.partition("/api/v1/")[2], answer.headers.get("content-type", "")
    if not path or path == "document" or "json" not in kind:
        return set()
    try:
        return words_of(json.loads(await answer.text()))
    except Error:  # of a page that was left meanwhile
        return set()


def is_explained(text: str, told: set[str]) -> bool:
    """Whether what a text says outside of sentences are words of the API, or none."""
    rest = text
    while rest != (rest := SENTENCE.sub("", rest)):
        pass
    parts = [plain(text)] if is_told(plain(text), told) else BETWEEN.split(plain(rest))
    return all(is_told(part, told) for part in parts)


def is_told(text: str, told: set[str]) -> bool:
    if not re.search(r"[^\W\d_]{2}", text):
        return True
    if text.startswith(ABBREVIATED):
        return any(each.endswith(text.removeprefix(ABBREVIATED)) for each in told)
    return text in told | OWN_NAMES or text.removesuffix("s") in told
