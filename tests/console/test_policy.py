"""The screens of the policy: who grants what to whom, who may do what and why, and how that changed."""

from collections.abc import AsyncIterator, Iterator
from re import compile as pattern

import httpx
import pytest
from playwright.async_api import Browser, Locator, Page, expect

from scripts.servers import UNLIMITED
from tests.console.calls import calls_of
from tests.console.conftest import OpenConsole, sign_in
from tests.demo import Demo, demo_server

ASK, APPLY = "What would this do?", "Apply"


def button(page: Page | Locator, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


async def open_as(chromium: Browser, demo: Demo, username: str, path: str) -> Page:
    """A screen of one person on a server of choice, whose refusals nothing forbids."""
    page = await (await chromium.new_context(base_url=demo.url)).new_page()
    await page.goto(f"/console{path}")
    await sign_in(page, username, demo.passwords[username])
    return page


async def open_user(page: Page, username: str) -> None:
    """Go to the page of a user by the list."""
    await page.goto(f"/console/users?q={username}")
    await page.get_by_role("row").filter(has_text=username).first.click()
    await expect(page.get_by_role("heading", level=1, name=username)).to_be_visible()


async def grant_own_action(page: Page, role: str, module: str, action: str) -> None:
    """Edit a cell of the matrix."""
    await page.get_by_role("button", name=pattern(f"^{role}: {module}: ")).click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label(action).check()
    await button(dialog, "Take over").click()
    await expect(page.locator("td.edited")).to_have_count(1)


async def test_an_action_is_granted_after_its_effects_were_seen_and_rolled_back(console: OpenConsole) -> None:
    page = await console("admin", "/roles/matrix")
    await grant_own_action(page, "Reader", "Products", "Set prices")
    await button(page, ASK).click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("listitem")).to_have_text(pattern(r"reader\s*gains\s*\+ Products: Set prices"))

    await dialog.get_by_label("Reason").fill("Sale of the week")
    await button(dialog, APPLY).click()

    await expect(dialog).to_have_count(0)
    await expect(page.locator("td.edited")).to_have_count(0)

    await page.get_by_role("link", name="Versions").first.click()
    newest = page.get_by_role("main").get_by_role("listitem").first
    await expect(newest).to_contain_text("Reader: the grant of Products changed")
    await expect(newest).to_contain_text("one user gained")

    versions = page.get_by_role("link", name=pattern(r"^Version \d+$"))
    await versions.first.click()
    change = page.get_by_role("region", name="Changes").get_by_role("row", name="Actions")
    await expect(change.locator("ins")).to_have_text(pattern("Set prices"))
    await page.go_back()
    await versions.nth(1).click()
    await button(page, "Roll back").click()
    await expect(dialog.get_by_role("listitem")).to_have_text(pattern(r"reader\s*loses\s*− Products: Set prices"))
    await button(dialog, "Roll back").click()

    await expect(page.get_by_role("main").get_by_role("listitem").first).to_contain_text("Rolled back to version")


async def test_edits_stay_when_the_policy_moved_and_are_tried_anew(
    console: OpenConsole, demo: Demo, chromium: Browser
) -> None:
    slow = await open_as(chromium, demo, "admin", "/roles/matrix")
    await grant_own_action(slow, "Reader", "Products", "Set prices")

    fast = await console("office", "/roles/matrix")
    await toggle_by_keyboard(fast, "Reader: Brands", "create")
    dialog = slow.get_by_role("dialog")
    await button(slow, ASK).click()
    await expect(dialog.get_by_role("alert")).to_contain_text("The role Reader is at version")
    await expect(button(dialog, APPLY)).to_be_disabled()
    await button(dialog, "Read it anew").click()

    await expect(slow.get_by_role("group", name="Reader: Brands").get_by_label("create")).to_have_attribute(
        "aria-pressed", "true"
    )
    await expect(slow.locator("td.edited")).to_have_count(1)
    await button(slow, ASK).click()
    await expect(dialog.get_by_role("listitem")).to_have_text(pattern(r"reader\s*gains\s*\+ Products: Set prices"))
    await toggle_by_keyboard(fast, "Reader: Brands", "create")


async def toggle_by_keyboard(page: Page, cell: str, flag: str) -> None:
    """Change a flag of the matrix and apply that, with keys alone once the first flag has the focus."""
    await page.get_by_role("group", name=cell).get_by_label("read", exact=True).focus()
    await page.keyboard.press("ArrowRight")
    await expect(page.get_by_role("group", name=cell).get_by_label(flag, exact=True)).to_be_focused()
    await page.keyboard.press("Space")
    await button(page, ASK).focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog").get_by_role("listitem")).to_contain_text("reader")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(page.locator("td.edited")).to_have_count(0)


async def test_why_not_leads_to_the_role_that_is_missing(console: OpenConsole) -> None:
    page = await console("admin", "/roles/explain?username=reader&permission=products:delete")
    answer = page.get_by_role("region", name="Answer")
    await expect(answer).to_contain_text("reader may not: Products: delete")
    await expect(answer).to_contain_text("The role Reader has Products, but not this action.")
    await expect(answer.get_by_role("link", name="Change the grant")).to_have_attribute(
        "href", pattern("module=products")
    )

    await button(answer, "Give a role").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Role").select_option("Manager")
    await button(dialog, ASK).click()
    await expect(dialog).to_contain_text("+ Products: delete")
    await button(dialog, APPLY).click()

    await expect(answer).to_contain_text("reader may: Products: delete")
    await expect(answer).to_contain_text("The role Manager grants it.")

    await answer.get_by_role("link", name="reader", exact=True).click()
    await page.get_by_role("link", name="Roles (2)").click()
    await button(page, "Take the role Manager from reader").click()
    await expect(dialog).to_contain_text("− Products: delete")
    await button(dialog, "Take away").click()
    await expect(page.get_by_role("link", name="Roles (1)")).to_be_visible()


async def test_an_auditor_reads_the_policy_and_is_offered_no_change(console: OpenConsole) -> None:
    page = await console("auditor", "/roles/matrix")
    await expect(
        page.get_by_role("group", name="Manager: Products").get_by_role("img", name="create: granted")
    ).to_be_visible()
    await expect(page.locator("td button")).to_have_count(0)

    await page.get_by_role("link", name="Why, why not").click()
    await page.get_by_label("User", exact=True).fill("manager")
    await button(page, "Explain").click()
    await page.get_by_role("row").filter(has_text="Products: delete").click()

    await expect(page.get_by_role("region", name="Answer")).to_contain_text("manager may: Products: delete")
    await expect(page.get_by_role("table", name="People")).to_contain_text("office")
    await expect(button(page, "Give a role")).to_have_count(0)


async def test_a_reader_is_offered_no_policy_and_told_what_a_link_needs(console: OpenConsole) -> None:
    page = await console("reader", "/roles/matrix")
    await expect(page.get_by_role("alert")).to_contain_text("roles:read")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Matrix")
    await expect(page.get_by_role("navigation").get_by_role("link", name="Matrix")).to_have_count(0)

    screens = {"/users/00000000-0000-7000-8000-000000000000": "User", "/users": "Users", "/tasks/new": "New task"}
    for path, title in screens.items():
        await page.goto(f"/console{path}")
        await expect(page.get_by_role("alert")).to_contain_text(pattern(f"{path.split('/')[1]}:(read|create)"))
        await expect(page.get_by_role("heading", level=1)).to_have_text(title)


async def test_the_page_of_a_user_tells_all_about_her_and_shows_what_a_deactivation_takes(console: OpenConsole) -> None:
    page = await console("admin", "/")
    await open_user(page, "sales")
    await page.get_by_role("link", name="Permissions", exact=True).click()
    row = page.get_by_role("row").filter(has_text="Customers: Read personal data")
    await expect(row).to_contain_text("The role Sales grants it.")

    await button(page, "Deactivate").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("− Customers: create")
    await button(dialog, "Cancel").click()

    await button(page, "Invite").click()
    await button(dialog, "Invite").click()
    await expect(page.get_by_text("It is shown this once")).to_be_visible()
    await button(dialog, "Close").last.click()
    await page.get_by_role("link", name="Activity").click()
    await expect(page.get_by_role("main").get_by_role("link", name="Change log")).to_be_visible()


@pytest.fixture
async def service(demo: Demo) -> AsyncIterator[str]:
    """The id of a service account with the role of readers, which other tests count without it."""
    async with calls_of(demo, "admin") as admin:
        new = {"username": "nightly", "email": "nightly@example.com", "is_service": True}
        account = (await admin.post("/users", json=new)).raise_for_status().json()["id"]
        role = (await admin.get("/roles?name=Reader")).raise_for_status().json()["items"][0]["id"]
        (await admin.put(f"/users/{account}/roles", json={"role_ids": [role]})).raise_for_status()
        yield account
        (await admin.put(f"/users/{account}/roles", json={"role_ids": []})).raise_for_status()


async def test_an_administrator_makes_a_key_for_a_service_account(
    console: OpenConsole, demo: Demo, service: str
) -> None:
    page = await console("admin", f"/users/{service}?tab=keys")

    await button(page, "Make a key").click()
    dialog = page.get_by_role("dialog", name="Make a key")
    await dialog.get_by_label("What it is for").fill("Stock report")
    await expect(dialog.get_by_label("products:delete")).to_have_count(0)  # the account does not hold it
    await dialog.get_by_label("products:read", exact=True).check()
    await button(dialog, "Make a key").click()
    made = page.get_by_role("dialog", name="Your new key")
    await expect(made.locator("code")).to_have_text(pattern("^ak_"))
    key = await made.locator("code").inner_text()
    await button(made, "Close").last.click()

    await expect(page.get_by_role("row", name="Stock report")).to_contain_text("products:read")
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {key}"}) as program:
        assert (await program.get(f"{demo.url}/api/v1/products?limit=1")).status_code == 200


async def test_a_manager_sees_a_user_and_is_offered_nothing_that_would_be_refused(console: OpenConsole) -> None:
    page = await console("manager", "/")
    await open_user(page, "reader")
    await expect(button(page, "Deactivate")).to_have_count(0)
    await expect(page.get_by_role("link", name="Activity")).to_have_count(0)

    await page.get_by_role("link", name="Permissions", exact=True).click()

    await expect(page.get_by_role("alert")).to_contain_text("roles:read")


async def test_a_role_is_given_to_many_for_a_time_and_taken_back(console: OpenConsole) -> None:
    page = await console("office", "/roles?q=Warehouse")
    await page.get_by_role("row").filter(has_text="Warehouse").click()
    await page.get_by_role("navigation", name="Parts").get_by_role("link", name="Users").click()
    await button(page, "Give to people").click()
    dialog = page.get_by_role("dialog")
    for name in ("support", "sales"):
        await dialog.get_by_role("combobox", name="People").fill(name)
        await expect(page.get_by_role("option")).to_have_text([name])
        await page.get_by_role("option", name=name).click()
    await dialog.get_by_label("Until").fill("2040-01-01T00:00")
    await button(dialog, ASK).click()
    await expect(dialog).to_contain_text(pattern("Products: Record stock movements until .*2040"))
    await button(dialog, APPLY).click()

    for name in ("support", "sales"):
        await page.get_by_role("checkbox", name=f"Select {name}").check()
    await button(page, "Take away from 2 users").click()
    await button(dialog, "Take away").click()

    await expect(page.get_by_role("checkbox", name="Select sales")).to_have_count(0)


@pytest.fixture(scope="module")
def careful(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A server on which the right to set prices is not granted without a second person."""
    settings = {"APPROVALS__REQUIRED_FOR": '["grant:products:set-price"]'}
    with demo_server(tmp_path_factory.mktemp("careful"), **UNLIMITED, **settings) as demo:
        yield demo


async def test_a_grant_waits_for_a_second_person(careful: Demo, chromium: Browser) -> None:
    asking = await open_as(chromium, careful, "admin", "/roles/matrix")
    await grant_own_action(asking, "Reader", "Products", "Set prices")
    await button(asking, ASK).click()
    await expect(asking.get_by_role("dialog")).to_contain_text("wait for a second person")
    await button(asking.get_by_role("dialog"), APPLY).click()
    await expect(asking.get_by_role("heading", level=1, name="Grants of roles")).to_be_visible()
    await expect(button(asking, "Approve")).to_have_count(0)
    await expect(button(asking, "Withdraw")).to_be_visible()

    deciding = await open_as(chromium, careful, "office", "/approvals")
    await deciding.get_by_role("row").filter(has_text="admin").click()
    await expect(deciding.get_by_role("main")).to_contain_text("+ Products: Set prices")
    await button(deciding, "Approve").click()
    await button(deciding.get_by_role("dialog"), "Approve").click()

    await expect(deciding.get_by_role("main")).to_contain_text("Decided by")
    await expect(deciding.get_by_role("main")).to_contain_text("Approved")


async def test_a_change_in_a_form_says_that_it_waits_and_leads_to_the_request(careful: Demo, chromium: Browser) -> None:
    """Regression: the form said "Saved." of a change that only asked for a second person."""
    asking = await open_as(chromium, careful, "admin", "/")
    await open_user(asking, "reader")
    await asking.get_by_label("Is superuser").check()

    await button(asking, "Save").click()

    await expect(asking.get_by_text("waits for a second person")).to_be_visible()
    await expect(asking.get_by_text("Saved.")).to_have_count(0)
    await expect(asking).to_have_url(pattern("/approvals/[0-9a-f-]{36}$"))
    await expect(asking.get_by_role("heading", level=1)).to_contain_text("PATCH /api/v1/users/")
    await expect(button(asking, "Withdraw")).to_be_visible()
