"""The flows of the console by keys alone: the focus is always seen, and never lost."""

import re

import pyotp
from playwright.async_api import expect

from tests.console.calls import calls_of
from tests.console.conftest import OpenConsole
from tests.console.keys import Keys, button
from tests.demo import Demo


async def test_an_action_is_granted_and_rolled_back_by_keys_alone(console: OpenConsole) -> None:
    page = await console("admin")
    keys, dialog = Keys(page), page.get_by_role("dialog")
    await keys.go_to("Matrix", "Matrix")
    cell = page.get_by_role("button", name=re.compile("^Reader: Customers: "))
    await keys.reach(page.locator(".matrix tbody button").first)
    customers = page.locator(".matrix tbody tr").filter(has=cell)
    while not await customers.evaluate("row => row.contains(document.activeElement)"):
        await keys.press("ArrowDown")
    await keys.reach(cell, "ArrowRight")
    await keys.press("Enter")
    await keys.reach(dialog.get_by_label("Read personal data of customers"))
    await keys.press("Space")
    await keys.use(button(dialog, "Take over"))
    await keys.leave_dialog()
    await expect(page.locator("td.edited")).to_have_count(1)

    await keys.use(button(page, "What would this do?"), "Shift+Tab")
    await expect(dialog.get_by_role("listitem")).to_have_text(re.compile(r"reader\s*gains\s*\+ Customers: "))
    await keys.check_focus()
    await keys.write("By keys alone")
    await keys.press("Enter")
    await expect(page.locator("td.edited")).to_have_count(0)
    await keys.leave_dialog()

    await keys.go_to("Versions", "Versions")
    await expect(page.get_by_role("main").get_by_role("listitem").first).to_contain_text("Reader")
    before = page.get_by_role("link", name=re.compile(r"^Version \d+$")).nth(1)
    name = await before.inner_text()
    await keys.use(before)
    await keys.arrive(name)
    await keys.use(button(page, "Roll back"))
    await expect(dialog.get_by_role("listitem")).to_have_text(re.compile(r"reader\s*loses\s*− Customers: "))
    await keys.check_focus()
    await keys.press("Enter")
    await expect(page.get_by_role("main").get_by_role("listitem").first).to_contain_text("Rolled back to version")
    await keys.leave_dialog()


async def test_who_changed_a_price_and_all_else_is_found_by_keys_alone(console: OpenConsole, demo: Demo) -> None:
    async with calls_of(demo, "manager") as manager:
        product = (await manager.get("/products?limit=1&sort=created_at")).json()["items"][0]  # of the demo data
        for price in ("61.20", "59.90"):
            (await manager.patch(f"/products/{product['id']}", json={"price": price})).raise_for_status()
    page = await console("auditor")
    keys = Keys(page)
    request = f"PATCH /api/v1/products/{product['id']}"

    await keys.go_to(product["name"], product["name"])
    await keys.use(page.get_by_role("region", name="History").get_by_role("link", name="Request").first)
    await keys.arrive(request)
    facts = page.locator("dl.facts-list")
    await keys.use(facts.get_by_role("link", name="127.0.0.1"))
    await keys.arrive("Access log")
    await page.go_back()
    await keys.arrive(request)
    await keys.use(facts.locator('a[href*="session_id="]'))
    await keys.arrive("Access log")
    await page.go_back()
    await keys.arrive(request)
    await keys.use(page.get_by_role("link", name="Everything that manager did"))
    await keys.arrive("manager")
    await expect(page.get_by_role("article", name=f"changed {product['name']}")).not_to_have_count(0)


async def test_an_account_is_kept_by_keys_alone(console: OpenConsole, demo: Demo) -> None:
    page = await console("warehouse")
    keys, dialog = Keys(page), page.get_by_role("dialog")
    await keys.go_to("My account", "My account")

    await keys.reach(page.get_by_label("First name"))
    await keys.press("Control+a")
    await keys.write("Wilma")
    await keys.press("Enter")
    await expect(page.get_by_text("Your profile is saved.")).to_be_visible()
    await keys.check_focus()
    await keys.reach(page.get_by_label("Theme", exact=True))
    await keys.write("Dark")
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")

    await keys.use(page.get_by_role("link", name="Set up a second factor"), "Shift+Tab")
    await keys.arrive("Second factor")
    await keys.reach(page.get_by_label("Password", exact=True))
    await keys.write(demo.passwords["warehouse"])
    await keys.press("Enter")
    secret = await page.locator(".secret code").inner_text()
    await keys.reach(page.get_by_label("Code", exact=True))
    await keys.write(pyotp.TOTP(secret).now())
    await keys.press("Enter")
    await keys.arrive("A second factor is active.")

    await keys.go_to("My account", "My account")
    await keys.use(button(page, "Make a key"))
    await keys.check_focus()
    await keys.write("Label printer")
    await keys.reach(dialog.get_by_label("products:read", exact=True))
    await keys.press("Space")
    await keys.use(button(dialog, "Make a key"))
    await expect(page.get_by_role("dialog", name="Your new key").locator("code")).to_have_text(re.compile("^ak_"))
    await keys.check_focus()
    await keys.press("Escape")
    await keys.leave_dialog()
    await keys.use(button(page, "Revoke"))
    await keys.check_focus()
    await keys.press("Enter")
    await expect(page.get_by_role("table", name="API keys")).to_contain_text("revoked")
    await keys.leave_dialog()
