"""The audit log in the console: from a value to its request and person, proofs in the browser, files of the screen."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

import pytest
from playwright.async_api import Page, Route, expect

from tests.console.calls import calls_of
from tests.console.conftest import OpenConsole
from tests.demo import Demo


@dataclass
class Repriced:
    """A product whose price the manager changed."""

    id: str
    name: str


@pytest.fixture
async def product(demo: Demo) -> Repriced:
    async with calls_of(demo, "manager") as manager:
        row = (await manager.get("/products?limit=1")).json()["items"][0]
        for price in ("77.10", "42.50"):
            reason = {"Audit-Reason": "spring sale"}
            (await manager.patch(f"/products/{row['id']}", json={"price": price}, headers=reason)).raise_for_status()
    return Repriced(row["id"], row["name"])


async def wait_until_sealed(page: Page) -> None:
    """Read the screen again until its newest entry has a place in the log."""
    while not await page.get_by_role("link", name="Prove entry").first.is_visible():
        await page.reload()
        await page.get_by_role("article").or_(page.get_by_role("row")).first.wait_for()


async def test_from_a_price_to_the_request_and_all_else_that_the_person_did(
    console: OpenConsole, product: Repriced
) -> None:
    page = await console("auditor", f"/products/{product.id}")

    await page.get_by_role("region", name="History").get_by_role("link", name="Request").first.click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text(f"PATCH /api/v1/products/{product.id}")
    facts = page.locator("dl.facts-list")
    await expect(facts).to_contain_text("127.0.0.1")
    await expect(facts).to_contain_text("spring sale")
    await expect(facts.get_by_text("Session", exact=True)).to_be_visible()
    change = page.get_by_role("article", name=product.name)
    await expect(change).to_contain_text("77.10")
    await expect(change).to_contain_text("42.50")

    await page.get_by_role("link", name="Everything that manager did").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("manager")
    await expect(page.get_by_role("article", name=f"changed {product.name}")).not_to_have_count(0)
    await expect(page.get_by_text("tried to sign in").first).to_be_visible()


async def test_a_value_leads_to_all_changes_of_its_field(console: OpenConsole, product: Repriced) -> None:
    page = await console("auditor", f"/audit/changes?entity=product&entity_id={product.id}")

    await page.get_by_role("link", name="All changes of Price of this item").first.click()

    await expect(page).to_have_url(re.compile(f"entity=product&entity_id={product.id}&field=price$"))
    await expect(page.get_by_role("group", name="Filters")).to_contain_text(product.name)
    await expect(page.get_by_role("article").first).to_contain_text("42.50")
    await page.get_by_role("combobox", name="Person").select_option(label="manager")
    await expect(page).to_have_url(re.compile("actor_id="))
    await expect(page.get_by_role("article").first).to_contain_text("42.50")


async def test_masked_values_are_shown_as_such(console: OpenConsole) -> None:
    page = await console("auditor", "/audit/changes?entity=customer&action=create")

    await expect(page.get_by_role("article").first.get_by_text("hidden from you").first).to_be_visible()


async def test_the_browser_verifies_what_is_on_the_screen(console: OpenConsole, product: Repriced) -> None:
    page = await console("auditor", f"/audit/changes?entity=product&entity_id={product.id}")
    await wait_until_sealed(page)

    await page.get_by_role("link", name="Prove entry").first.click()
    await expect(page.get_by_text("The entry is one of the")).to_be_visible()
    await expect(page.get_by_text("What the screen shows is what was sealed")).to_contain_text("price")
    await expect(page.get_by_text("The newest checkpoint covers")).to_have_count(2)
    await expect(page.get_by_text("This browser sees the log for the first time")).to_have_count(2)
    await page.reload()
    await expect(page.get_by_text("The log only grew")).to_have_count(2)
    await expect(page.get_by_role("alert")).to_have_count(0)
    async with page.expect_download() as waiting:
        await page.get_by_role("region", name="Change log").get_by_role("button", name="Checkpoint").click()
    kept = await (await waiting.value).path()
    assert kept.read_text().startswith("localhost/attest/changes\n")


async def test_a_forged_checkpoint_is_shown_as_forged(console: OpenConsole) -> None:
    page = await console("auditor", "/audit/proofs")
    log = page.get_by_role("region", name="Change log")
    await expect(log.get_by_text("The newest checkpoint covers")).to_be_visible()

    async def forge(route: Route) -> None:
        note = await (await route.fetch()).text()
        await route.fulfill(body=note.replace("attest/epoch 0", "attest/epoch 1"), content_type="text/plain")

    await page.route("**/api/v1/audit/checkpoint?log=changes", forge)
    await log.get_by_role("button", name="Check again").click()
    await expect(log.get_by_role("alert")).to_contain_text("The checkpoint is forged")
    await expect(page.get_by_role("region", name="Access log").get_by_role("alert")).to_have_count(0)


async def test_files_of_what_is_on_the_screen(
    console: OpenConsole, demo: Demo, product: Repriced, tmp_path: Path
) -> None:
    page = await console("auditor", f"/audit/changes?entity=product&entity_id={product.id}&field=price")
    await wait_until_sealed(page)

    table = (await download(page, "CSV", tmp_path / "changes.csv")).read_bytes()
    zipped = await download(page, "Evidence", tmp_path / "evidence.zip")

    *rows, last = table.splitlines(keepends=True)
    trailer = json.loads(last.removeprefix(b"# "))["trailer"]
    assert trailer["sha256"] == sha256(b"".join(rows)).hexdigest()
    assert product.id.encode() in table
    ZipFile(zipped).extractall(tmp_path)
    async with calls_of(demo, "auditor") as auditor:
        (tmp_path / "trusted.txt").write_text((await auditor.get("/audit/key")).text)
    assert f"{trailer['count']} entries" in verify(tmp_path)


async def download(page: Page, kind: str, to: Path) -> Path:
    """Choose a kind of file in the dialog, and save what the browser gets."""
    await page.get_by_role("button", name="Export").click()
    await page.get_by_role("radio", name=kind).check()
    async with page.expect_download() as waiting:
        await page.get_by_role("button", name="Download").click()
    await (await waiting.value).save_as(to)
    return to


def verify(folder: Path) -> str:
    """What the program in the evidence says. Fails unless everything holds."""
    command = [sys.executable, "verify_audit.py", "--key", "trusted.txt"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("path", ["/audit/changes", "/audit/access", "/audit/proofs"])
async def test_a_link_says_what_is_missing_to_those_who_may_not_read_the_log(console: OpenConsole, path: str) -> None:
    page = await console("reader", path)

    await expect(page.get_by_role("alert")).to_contain_text("audit:read")
    await expect(page.get_by_role("navigation").get_by_text("Audit")).to_have_count(0)


async def test_every_bar_of_the_summary_leads_to_its_rows(console: OpenConsole, product: Repriced) -> None:
    page = await console("auditor", "/audit")

    await expect(page.get_by_role("heading", level=1)).to_have_text("Summary")
    chart = page.get_by_role("figure")
    await chart.get_by_text("As a table").click()
    await expect(chart.get_by_role("row")).to_have_count(25)  # the hours of a day, and the head
    routes = page.get_by_role("region", name="Busiest routes")
    await routes.get_by_role("link", name="GET /api/v1/auth/me", exact=True).click()
    await expect(page.get_by_role("row").nth(1)).to_contain_text("GET /api/v1/auth/me")
    await page.get_by_role("row").nth(1).press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("GET /api/v1/auth/me")


async def test_refusals_are_counted_by_guard_and_each_leads_to_its_rows(console: OpenConsole, demo: Demo) -> None:
    async with calls_of(demo, "support") as support:
        for _ in range(3):
            assert (await support.get("/roles")).status_code == 403
        assert (await support.get("/tasks?limit=none")).status_code == 422
    page = await console("auditor", "/audit/summary")

    guards = page.get_by_role("region", name="Refusals by guard")
    await guards.get_by_role("link", name="roles:read", exact=True).click()
    await expect(page).to_have_url(re.compile("guard=roles%3Aread"))
    reasons = page.get_by_role("region", name="Refusals by reason")
    await expect(reasons.get_by_role("link")).to_have_text(["permission-denied"])
    people = page.get_by_role("region", name="Who was refused")
    await expect(people.get_by_role("link", name="support")).to_be_visible()
    await page.get_by_role("region", name="Refusals by route").get_by_role("link", name="GET /api/v1/roles").click()
    await expect(page.get_by_role("row", name="GET /api/v1/roles").first).to_contain_text("permission-denied")

    await page.go_back()
    await page.get_by_role("button", name="Remove Guard: roles:read").click()
    await expect(people).to_have_count(0)
    await expect(reasons.get_by_role("link", name="invalid-fields")).to_be_visible()


async def test_requests_are_found_by_decision_and_session(console: OpenConsole, demo: Demo) -> None:
    async with calls_of(demo, "support") as support:
        assert (await support.get("/users")).status_code == 403
        (await support.get("/customers?limit=1")).raise_for_status()
    page = await console("auditor", "/audit/access")
    decisions = page.get_by_role("group", name="Decision")

    await decisions.get_by_role("button", name="Refused").click()
    await expect(page).to_have_url(re.compile(r"\?decision_null=true$"))
    of_support = page.get_by_role("row").filter(has_text="support")
    row = of_support.filter(has_text="GET /api/v1/users").first
    await expect(row).to_contain_text("permission-denied")
    await expect(of_support.filter(has_text="GET /api/v1/customers")).to_have_count(0)

    await row.press("Enter")
    await page.locator("dl.facts-list").get_by_role("link", name=re.compile("^[0-9a-f-]{36}$")).first.click()
    await expect(page).to_have_url(re.compile(r"/audit/access\?session_id=[0-9a-f-]{36}$"))
    await expect(page.get_by_role("row", name="GET /api/v1/users")).to_have_count(1)
    await expect(page.get_by_role("row", name="GET /api/v1/customers")).to_contain_text("customers:read")
    await decisions.get_by_role("button", name="Admitted").click()
    await expect(page.get_by_role("row", name="GET /api/v1/users")).to_have_count(0)
    await expect(page.get_by_role("row", name="GET /api/v1/customers")).to_have_count(1)


async def test_an_empty_page_that_is_not_the_last_says_so(console: OpenConsole) -> None:
    page = await console("auditor", "/")

    async def find_nothing_yet(route: Route) -> None:
        response = await route.fetch()
        body = {**await response.json(), "items": [], "next_cursor": "further"}
        await route.fulfill(response=response, json=body)

    await page.route("**/api/v1/audit/access?*", find_nothing_yet)
    await page.goto("/console/audit/access?path=/unknown")

    await expect(page.get_by_text("No entry matches so far. The next page looks further.")).to_be_visible()
    await expect(page.get_by_role("button", name="Next")).to_be_enabled()


async def test_an_administrator_ends_a_session(console: OpenConsole, product: Repriced) -> None:
    page = await console("admin", "/audit/sessions")
    row = page.get_by_role("row", name="manager").first
    await row.wait_for()
    before = await page.get_by_role("row", name="manager").count()

    await row.get_by_role("button", name="End").click()
    await page.get_by_label("Reason").fill("lost laptop")
    await page.get_by_role("dialog").get_by_role("button", name="End", exact=True).click()

    await expect(page.get_by_text("The session was ended.")).to_be_visible()
    await expect(page.get_by_role("row", name="manager")).to_have_count(before - 1)


async def test_failed_sign_ins_and_keys_that_nobody_used(console: OpenConsole, demo: Demo) -> None:
    async with calls_of(demo, "manager") as manager:
        new = {"name": "Nightly export", "scopes": ["products:read"], "expires_at": None}
        (await manager.post("/auth/api-keys", json=new)).raise_for_status()
        await manager.post("/auth/token", data={"username": "office", "password": "not that"})
    page = await console("admin", "/audit/keys")

    await page.get_by_role("button", name="Never used").click()
    await expect(page.get_by_role("row", name="Nightly export")).to_contain_text("products:read")
    await page.get_by_role("button", name="End within 30 days").click()
    await expect(page.get_by_text("No item matches.")).to_be_visible()
    await page.get_by_role("link", name="Sign-ins").click()
    await page.get_by_role("button", name="Failed", exact=True).click()
    await expect(page.get_by_role("row", name="office").first).to_contain_text("Wrong password")


async def test_a_person_is_kept_by_a_legal_hold_and_then_erased(console: OpenConsole, demo: Demo) -> None:
    async with calls_of(demo, "manager") as manager:
        new = {"first_name": "Ines", "last_name": "Costa", "email": "ines.costa@example.com"}
        customer = (await manager.post("/customers", json=new)).json()["id"]
    page = await console("admin", f"/customers/{customer}")

    await page.get_by_role("link", name="Personal data").click()
    await page.get_by_role("button", name="Set a legal hold").click()
    await page.get_by_label("Reason").fill("Lawsuit 4711")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("region", name="Legal hold")).to_contain_text("Lawsuit 4711")
    erasure = page.get_by_role("region", name="Erase this person")
    await expect(erasure.get_by_role("button")).to_have_count(0)
    await page.get_by_role("button", name="Lift the legal hold").click()
    await page.get_by_role("dialog").get_by_role("button", name="Lift the legal hold").click()
    await erasure.get_by_role("button").click()
    await page.get_by_label("Reason").fill("letter 12")
    await page.get_by_role("dialog").get_by_role("button", name="Erase this person").click()
    await expect(page.get_by_role("heading", name="The person was erased.")).to_be_visible()
    await page.get_by_role("link", name="All of its changes").click()
    await expect(page.get_by_role("article").get_by_text("erased").first).to_be_visible()


async def test_an_erasure_waits_for_a_second_person_where_the_rules_say_so(console: OpenConsole) -> None:
    page = await console("admin", "/customers")
    await page.get_by_role("row").nth(1).click()
    await page.get_by_role("link", name="Personal data").click()
    waiting = {"id": "01890000-0000-7000-8000-000000000001", "state": "waiting"}
    await page.route("**/erase", lambda route: route.fulfill(status=202, json=waiting))

    await page.get_by_role("button", name="Erase this person").click()
    await page.get_by_label("Reason").fill("letter 13")
    await page.get_by_role("dialog").get_by_role("button", name="Erase this person").click()

    await expect(page.get_by_text("A second person must approve it.")).to_be_visible()
    await expect(page.get_by_role("link", name="The approval")).to_have_attribute(
        "href", f"/console/approvals/{waiting['id']}"
    )


async def test_an_auditor_is_offered_neither_erasure_nor_the_end_of_sessions_and_keys(
    console: OpenConsole, demo: Demo
) -> None:
    async with calls_of(demo, "manager") as manager:
        (await manager.post("/auth/api-keys", json={"name": "Audited", "scopes": ["tasks:read"]})).raise_for_status()
    page = await console("auditor", "/customers")

    await page.get_by_role("row").nth(1).click()
    await expect(page.get_by_role("region", name="History")).to_be_visible()
    await expect(page.get_by_role("link", name="Personal data")).to_have_count(0)
    await page.goto(f"{page.url}/person")
    await expect(page.get_by_role("alert")).to_contain_text("customers:read-personal")
    await page.goto("/console/audit/sessions")
    await expect(page.get_by_role("row", name="manager").first).to_contain_text("program")
    await expect(page.get_by_role("row", name="auditor").filter(has_text="this one")).to_contain_text("browser")
    for screen, row in {"Open sessions": "manager", "API keys": "Audited"}.items():
        await page.get_by_role("navigation").get_by_role("link", name=screen).click()
        await expect(page.get_by_role("row", name=row).first).to_be_visible()
        await expect(page.get_by_role("main").get_by_role("button", name=re.compile("^(End|Revoke)$"))).to_have_count(0)
