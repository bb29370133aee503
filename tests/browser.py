"""Headless Chromium, driven by Playwright: a tab, and what its pages complain about and load from where."""

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response, async_playwright

PATIENCE_MILLISECONDS = 60_000.0
EXECUTABLES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync")
NOTED = ("error", "warning", "assert")
QUIET_SECONDS, LOOK_SECONDS = 0.12, 0.02
"""A page that has its answers draws them, and asks what follows from them, well within the first."""


@dataclass
class Watch:
    """What the pages of a tab wrote to their console or threw, and every address that they asked for."""

    complaints: list[str] = field(default_factory=list)
    requested: list[str] = field(default_factory=list)

    def note_message(self, message: ConsoleMessage) -> None:
        if message.type in NOTED:
            self.complaints.append(f"{message.text} {message.location.get('url', '')}")

    def note_error(self, error: Exception) -> None:
        self.complaints.append(str(error))

    def note_request(self, request: Request) -> None:
        self.requested.append(request.url)

    def requested_beyond(self, origin: str) -> list[str]:
        """The addresses that were asked for at other hosts than `origin`."""
        return [url for url in self.requested if not url.startswith((f"{origin}/", "data:", "blob:"))]


def watch(page: Page) -> Watch:
    """Watch a tab from now on."""
    seen = Watch()
    page.on("console", seen.note_message)
    page.on("pageerror", seen.note_error)
    page.on("request", seen.note_request)
    return seen


class Traffic:
    """The requests of a tab that are under way, and those that were answered since `begin`."""

    def __init__(self, page: Page) -> None:
        self.under_way: set[Request] = set()
        self.asked: list[Request] = []
        page.on("request", self.note_begin)
        page.on("requestfinished", self.note_end)
        page.on("requestfailed", self.note_end)

    def begin(self) -> None:
        """Forget what was asked before."""
        self.asked = []

    def note_begin(self, request: Request) -> None:
        self.under_way.add(request)
        self.asked.append(request)

    def note_end(self, request: Request) -> None:
        self.under_way.discard(request)

    async def answers(self) -> list[Response]:
        """The responses to all that was asked."""
        found = [await request.response() for request in self.asked]
        return [response for response in found if response is not None]

    async def wait_until_quiet(self) -> None:
        """Wait until nothing was under way for a moment. Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE_MILLISECONDS / 1000):
            since = time.monotonic()
            while time.monotonic() - since < QUIET_SECONDS:
                await asyncio.sleep(LOOK_SECONDS)
                if self.under_way:
                    since = time.monotonic()


@asynccontextmanager
async def open_browser() -> AsyncIterator[Browser]:
    """A fresh Chromium. Skips the test where none is installed; with REQUIRE_BROWSER set, fails it."""
    program = next((found for name in EXECUTABLES if (found := shutil.which(name))), None)
    if program is None:
        assert "REQUIRE_BROWSER" not in os.environ, "this run must have a browser"
        pytest.skip("no Chromium on this machine")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=FLAGS, timeout=PATIENCE_MILLISECONDS)
        try:
            yield browser
        finally:
            await browser.close()


async def begin_session(context: BrowserContext, url: str, credentials: Mapping[str, str]) -> None:
    """Give a browser profile the cookie of a new session, as the form of the console does, without its page."""
    headers = {"Sec-Fetch-Site": "same-origin", "X-Attest-Browser": "1", "User-Agent": "Chromium"}
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        response = await client.post("/api/v1/auth/browser/token", data=dict(credentials), headers=headers)
    (cookie,) = response.raise_for_status().cookies.jar
    place = {"domain": cookie.domain, "path": cookie.path}
    kept = {"name": cookie.name, "value": cookie.value, "httpOnly": True, "secure": True, "sameSite": "Strict", **place}
    await context.add_cookies([kept])  # type: ignore[list-item]
