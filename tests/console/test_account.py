"""The own account: what a person changes alone, and the proof that an action asks for."""

import json
import re

import pyotp
from playwright.async_api import Route, expect

from tests.console.conftest import OpenConsole
from tests.demo import Demo


async def test_a_person_keeps_the_own_account(console: OpenConsole) -> None:
    page = await console("support", "/me")

    await page.get_by_label("First name").fill("Stella")
    await page.get_by_label("Language of mails").select_option("de")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Your profile is saved.")).to_be_visible()
    await page.get_by_label("Theme", exact=True).select_option("dark")
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")

    other = await console("support", "/")
    await other.wait_for_load_state("networkidle")  # what it still asked for would be refused when its session ends
    sessions = page.get_by_role("table", name="Sessions")
    await page.reload()
    await expect(page.get_by_label("Language of mails")).to_have_value("de")
    await expect(sessions.locator("tbody tr")).to_have_count(2)
    await expect(sessions.get_by_text("browser", exact=True)).to_have_count(2)
    await sessions.get_by_role("button", name="End").click()
    await page.get_by_role("dialog").get_by_role("button", name="End").click()
    await expect(sessions.locator("tbody tr")).to_have_count(1)
    await expect(sessions).to_contain_text("this one")
    await other.close()


async def test_a_key_takes_a_fresh_proof_and_is_shown_once(console: OpenConsole, demo: Demo) -> None:
    page = await console("sales", "/me", refusals=[401])
    await page.get_by_role("link", name="Set up a second factor").click()
    await page.get_by_label("Password", exact=True).fill(demo.passwords["sales"])
    await page.get_by_role("button", name="Set up a second factor").click()
    picture = page.get_by_role("img", name="QR code of the key")
    await expect(picture.locator("path")).to_have_attribute("d", re.compile("^M4 4h1v1h-1z"))
    box = await picture.bounding_box()
    assert box
    assert box["width"] == box["height"] >= 200
    secret = await page.locator("code").inner_text()
    await page.get_by_label("Code", exact=True).fill(pyotp.TOTP(secret).now())
    await page.get_by_role("button", name="Confirm").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("A second factor is active.")
    codes = await page.locator(".codes code").all_inner_texts()
    assert len(codes) == 10

    await page.goto("/console/me")
    await expect(page.get_by_text("10 recovery codes are left.")).to_be_visible()
    await page.route("**/api/v1/auth/api-keys", ask_for_proof, times=1)
    await page.get_by_role("button", name="Make a key").click()
    dialog = page.get_by_role("dialog", name="Make a key")
    await dialog.get_by_label("What it is for").fill("Nightly export")
    await dialog.get_by_label("customers:read", exact=True).check()
    await dialog.get_by_role("button", name="Make a key").click()
    proof = page.get_by_role("dialog", name="Is it you?")
    await proof.get_by_label("Code").fill(codes[0])
    await proof.get_by_role("button", name="Confirm").click()
    made = page.get_by_role("dialog", name="Your new key")
    await expect(made.locator("code")).to_have_text(re.compile("^ak_"))
    key = await made.locator("code").inner_text()
    await made.get_by_role("button", name="Close").last.click()

    row = page.get_by_role("table", name="API keys").locator("tbody tr")
    await expect(row).to_contain_text("customers:read")
    assert key not in await page.content()
    await row.get_by_role("button", name="Revoke").click()
    await page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    await expect(row).to_contain_text("revoked")


async def ask_for_proof(route: Route) -> None:
    """Answer a write as the server does when the last proof of the person is too old."""
    problem = {"code": "insufficient-user-authentication", "status": 401, "title": "Unauthorized", "detail": "Again."}
    await route.fulfill(status=401, content_type="application/problem+json", body=json.dumps(problem))
