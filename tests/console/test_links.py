"""Links of mails lead to pages of the console, which people use without a session, and which keep the token."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, BrowserContext, Locator, Page, expect

from scripts.servers import Server, free_port, migrate, signed_in
from tests.browser import PATIENCE_MILLISECONDS, watch
from tests.console.conftest import WIDE, sign_in
from tests.modules.mail.sink import Sink, opened_sink, part_of

FIRST, SECOND = "six-amber-kettles-hum", "seven-amber-kettles-hum"
TOKEN = re.compile(r"#token=(\w\w_[\w-]+)")
REFUSED = re.compile(r"status of (401|422)")


@dataclass
class Office:
    """A server that sends mail, its log, and an administrator's client."""

    server: Server
    sink: Sink
    folder: Path
    admin: httpx.AsyncClient

    async def link_of_next_mail(self, seen: int) -> str:
        """The link of the button of the first mail behind those that were `seen`, as it is in the HTML."""
        async with asyncio.timeout(60):
            while len(self.sink.mails) <= seen:  # noqa: ASYNC110  # another process sends it
                await asyncio.sleep(0.05)
        [link] = re.findall(r'href="([^"]+)"', part_of(self.sink.mails[seen], "html"))
        return str(link)

    async def hire(self, name: str) -> str:
        """Create a user without a password. Returns the id."""
        body = {"username": name, "email": f"{name}@example.com"}
        return str((await self.admin.post("/users", json=body)).raise_for_status().json()["id"])

    async def invite(self, id: str) -> str:
        """Invite a user. Returns the link of the mail."""
        seen = len(self.sink.mails)
        (await self.admin.post(f"/users/{id}/invitation")).raise_for_status()
        return await self.link_of_next_mail(seen)


@pytest.fixture(scope="module")
async def office(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    folder, port = tmp_path_factory.mktemp("office"), free_port()
    async with opened_sink() as sink:
        mail = {
            "MAIL__URL": f"smtp://127.0.0.1:{sink.port}",
            "MAIL__SENDER": "Attest <attest@example.com>",
            "MAIL__PUBLIC_URL": f"http://127.0.0.1:{port}",
        }
        environment = await asyncio.to_thread(migrate, str(folder))
        server = Server({**environment, **mail}, port=port)
        await asyncio.to_thread(server.start, folder / "server.log")
        with server:
            async with signed_in(server, timeout=60) as admin:
                yield Office(server, sink, folder, admin)


@pytest.fixture
async def stranger(office: Office, chromium: Browser) -> AsyncIterator[Page]:
    """A tab of a person without a session. Nothing but refusals may be in its console."""
    context: BrowserContext = await chromium.new_context(viewport=WIDE, base_url=office.server.url)
    context.set_default_timeout(PATIENCE_MILLISECONDS / 2)
    page = await context.new_page()
    seen = watch(page)
    yield page
    complaints = [text for text in seen.complaints if not REFUSED.search(text)]
    await context.close()
    assert complaints == []
    assert seen.requested_beyond(office.server.url) == []


def password_of(page: Page) -> Locator:
    return page.get_by_label("New password")


async def set_password(page: Page, password: str) -> None:
    await password_of(page).fill(password)
    await page.get_by_role("button", name="Set the password").click()


async def test_an_invited_person_chooses_a_password_and_signs_in_with_it(office: Office, stranger: Page) -> None:
    link = await office.invite(await office.hire("wanda"))
    assert link.startswith(f"{office.server.url}/console/invitation#token=iv_")

    await stranger.goto(link)
    await expect(stranger.get_by_role("heading", level=1)).to_have_text("Choose your password")
    await expect(password_of(stranger)).to_have_attribute("autocomplete", "new-password")
    await expect(password_of(stranger)).to_be_focused()
    await set_password(stranger, FIRST)
    await stranger.get_by_role("button", name="Go to the console").click()
    await sign_in(stranger, "wanda", FIRST)

    await expect(stranger.get_by_role("heading", level=1)).to_have_text("Home")


async def test_a_lost_password_is_replaced_by_mail(office: Office, stranger: Page) -> None:
    await office.hire("otto")
    seen = len(office.sink.mails)

    await stranger.goto("/console/tasks")
    await stranger.get_by_role("link", name="Lost your password?").click()
    await stranger.get_by_label("Username or e-mail address").fill("OTTO@example.com")
    await stranger.get_by_role("button", name="Send the mail").click()
    await expect(stranger.get_by_role("status")).to_contain_text("If there is such an account")
    link = await office.link_of_next_mail(seen)
    await stranger.goto(link)  # in the same tab, which loads no other page
    await set_password(stranger, "otto-otto-otto")
    await expect(password_of(stranger)).to_have_attribute("aria-invalid", "true")
    await expect(stranger.get_by_text("This password has your name or address in it.")).to_be_visible()
    await set_password(stranger, SECOND)
    await expect(stranger.get_by_role("heading", level=1)).to_have_text("Your password is set")
    await stranger.keyboard.press("Enter")
    await sign_in(stranger, "otto", SECOND)

    assert "/console/password-reset#token=pr_" in link


async def test_a_link_that_was_used_and_one_that_never_was_say_the_same(office: Office, stranger: Page) -> None:
    link = await office.invite(await office.hire("iris"))
    token = TOKEN.findall(link)[0]
    async with httpx.AsyncClient() as client:
        body = {"token": token, "new_password": FIRST}
        await client.post(f"{office.server.url}/api/v1/auth/invitation", json=body)

    said = {}
    for name, address in {"used": link, "wrong": link.replace(token, "iv_wrong")}.items():
        await stranger.goto(address)
        await set_password(stranger, SECOND)
        await expect(stranger.get_by_role("alert")).to_contain_text("was used already")
        said[name] = await stranger.locator("main").inner_text()

    assert said["used"] == said["wrong"]
    assert "iris" not in said["used"]
    await stranger.goto("/console/password-reset#token=pr_wrong")
    await set_password(stranger, SECOND)
    await stranger.get_by_role("button", name="Ask for another mail").click()
    await expect(stranger.get_by_label("Username or e-mail address")).to_be_focused()


async def test_an_address_is_verified_by_a_button_alone(office: Office, stranger: Page) -> None:
    person = {"username": "vera", "password": FIRST}
    async with httpx.AsyncClient(base_url=f"{office.server.url}/api/v1") as client:
        invited = TOKEN.findall(await office.invite(await office.hire("vera")))[0]
        await client.post("/auth/invitation", json={"token": invited, "new_password": FIRST})
        token = (await client.post("/auth/token", data=person)).raise_for_status().json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        seen = len(office.sink.mails)
        await client.post("/auth/me/email/verification")
        link = await office.link_of_next_mail(seen)

        await stranger.goto(link)
        await expect(stranger.get_by_role("button", name="Verify the address")).to_be_focused()
        assert (await client.get("/auth/me/email")).json()["verified_at"] is None
        await stranger.keyboard.press("Enter")
        await expect(stranger.get_by_role("heading", level=1)).to_have_text("Your address is verified")

        assert (await client.get("/auth/me/email")).json()["verified_at"]
    await stranger.goto(link.replace("ev_", "ev_x"))
    await stranger.get_by_role("button", name="Verify the address").click()
    await expect(stranger.get_by_role("alert")).to_contain_text("This link does not work")


async def test_a_token_is_nowhere_but_in_the_body_of_its_request(office: Office, stranger: Page) -> None:
    link = await office.invite(await office.hire("tilda"))
    token = TOKEN.findall(link)[0]
    sent: list[str] = []
    stranger.on("request", lambda request: sent.append(f"{request.url.partition('#')[0]} {request.headers}"))
    await stranger.add_init_script("addEventListener('DOMContentLoaded', () => { window.first = location.href; })")

    await stranger.goto(link)
    await expect(password_of(stranger)).to_be_visible()
    address = await stranger.evaluate("[location.href, window.first, JSON.stringify(history.state)].join()")
    await set_password(stranger, FIRST)
    await stranger.get_by_role("button", name="Go to the console").click()
    await expect(stranger.get_by_label("Username")).to_be_visible()
    await stranger.go_back()
    await stranger.reload()
    await expect(stranger.get_by_role("alert")).to_contain_text("Open the link of your mail again")

    assert f"{office.server.url}/console/invitation" in address
    assert token not in address + "".join(sent) + await stranger.content()
    written = b"".join(path.read_bytes() for path in office.folder.rglob("*") if path.is_file())
    assert token.encode() not in written, "neither the logs, nor the spool, nor the database have it"


async def test_the_session_of_another_person_in_the_browser_ends(office: Office, stranger: Page) -> None:
    links = {name: await office.invite(await office.hire(name)) for name in ("paul", "rosa")}
    await stranger.goto(links["paul"])
    await set_password(stranger, FIRST)
    await stranger.get_by_role("button", name="Go to the console").click()
    await sign_in(stranger, "paul", FIRST)

    await stranger.goto(links["rosa"])
    await set_password(stranger, SECOND)
    await stranger.get_by_role("button", name="Go to the console").click()
    await sign_in(stranger, "rosa", SECOND)

    await expect(stranger.get_by_role("banner")).to_contain_text("rosa")
