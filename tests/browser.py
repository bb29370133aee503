"""Headless Chromium, driven by Playwright: a tab, and what its pages complain about and load from where."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, Request, async_playwright

PATIENCE_MILLISECONDS = 60_000.0
EXECUTABLES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync")
NOTED = ("error", "warning", "assert")


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
