"""Headless Chromium over its DevTools protocol: what a page logs, and what it loads from where."""

import asyncio
import json
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import websockets

PATIENCE_SECONDS = 60.0
TEXT = "document.body ? document.body.innerText : ''"
EXECUTABLES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
)


def executable() -> str | None:
    return next((found for name in EXECUTABLES if (found := shutil.which(name))), None)


@dataclass
class Visit:
    """What happened while a page loaded."""

    complaints: list[str] = field(default_factory=list)
    requested: list[str] = field(default_factory=list)
    text: str = ""


class Browser:
    """One tab."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket
        self.number = 0

    async def visit(self, url: str, ready: str) -> Visit:
        """Load `url` and wait until its text holds `ready`. Raises TimeoutError."""
        visit = Visit()
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.ask(f"{domain}.enable", visit)
        await self.ask("Page.navigate", visit, url=url)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while ready not in visit.text:
                await asyncio.sleep(0.1)
                found = await self.ask("Runtime.evaluate", visit, expression=TEXT)
                visit.text = found["result"].get("value", "")
        return visit

    async def ask(self, method: str, visit: Visit, **params: Any) -> Any:
        self.number += 1
        await self.socket.send(json.dumps({"id": self.number, "method": method, "params": params}))
        while True:
            message = json.loads(await self.socket.recv())
            if message.get("id") == self.number:
                return message.get("result")
            note(message, visit)


def note(message: dict[str, Any], visit: Visit) -> None:
    params = message.get("params", {})
    match message.get("method"):
        case "Network.requestWillBeSent":
            visit.requested.append(params["request"]["url"])
        case "Runtime.exceptionThrown":
            visit.complaints.append(str(params["exceptionDetails"]))
        case "Runtime.consoleAPICalled" if params["type"] in ("error", "warning", "assert"):
            visit.complaints.append(str(params["args"]))
        case "Log.entryAdded" if params["entry"]["level"] in ("error", "warning"):
            visit.complaints.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")


@asynccontextmanager
async def browser(program: str) -> AsyncIterator[Browser]:
    """A fresh Chromium with one empty tab."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            program, *FLAGS, f"--user-data-dir={profile}", "about:blank", stderr=asyncio.subprocess.DEVNULL
        )
        try:
            async with websockets.connect(await tab_address(Path(profile)), max_size=None) as socket:
                yield Browser(socket)
        finally:
            process.kill()
            await process.wait()


async def tab_address(profile: Path) -> str:
    import httpx  # noqa: PLC0415  # only here

    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            port = (profile / "DevToolsActivePort").read_text().splitlines()[0]
            async with httpx.AsyncClient() as client:
                tabs = (await client.get(f"http://127.0.0.1:{port}/json")).json()
            return next(str(tab["webSocketDebuggerUrl"]) for tab in tabs if tab["type"] == "page")
        except (OSError, IndexError, StopIteration, httpx.TransportError):
            await asyncio.sleep(0.1)
    raise RuntimeError("Chromium did not start")
