"""Jobs in the browser: followed to their end without a reload, cancelled, tried again, and added up."""

import asyncio
import re
from pathlib import Path
from uuid import UUID

import pytest
from playwright.async_api import Page, Route, expect

from tests.console.calls import calls_of, hire
from tests.console.conftest import OpenConsole
from tests.console.jobs import ask_for
from tests.console.keys import Keys, button
from tests.demo import Demo
from tests.modules.jobs.kinds import Gated, Wanted, give_up, make_behind_a_gate, make_brand


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A file for which jobs wait. Those that still do when the test has ended go on."""
    return tmp_path / "gate"


async def ask_gated(demo: Demo, gate: Path, username: str = "admin") -> UUID:
    return await ask_for(demo, username, make_behind_a_gate, Gated(name=f"Behind {gate.parent}", gate=gate))


def state_of(page: Page):  # type: ignore[no-untyped-def]
    return page.locator(".heading").get_by_role("status")


async def reasons_of(demo: Demo, id: UUID) -> list[str | None]:
    """The reasons in the change log of a job, the last first."""
    async with calls_of(demo, "auditor") as auditor:
        entries = await auditor.get("/audit/changes", params={"entity": "job", "entity_id": str(id)})
    return [entry["reason"] for entry in entries.raise_for_status().json()["items"]]


async def test_a_job_is_followed_to_its_end(console: OpenConsole, demo: Demo, gate: Path) -> None:
    job = await ask_gated(demo, gate)
    page = await console("admin")
    await page.get_by_role("navigation").get_by_role("link", name="Jobs", exact=True).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Jobs")
    await page.locator(f'a[href$="{job}"]').click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("tests.gated")
    await expect(state_of(page)).to_have_text("Running")
    await expect(page.get_by_role("progressbar", name="It runs: 50 %.")).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    await asyncio.to_thread(gate.touch)
    await expect(state_of(page)).to_have_text("Succeeded")
    await expect(page.get_by_role("progressbar")).to_have_count(0)
    await expect(page.locator("dl", has_text="Brands")).to_contain_text("1")
    await expect(page.get_by_role("button", name="Cancel the job")).to_have_count(0)
    assert [url for url in asked if "/jobs/" in url] == [], "the server tells it, the page does not ask"


async def test_a_connection_that_ends_is_opened_again(console: OpenConsole, demo: Demo, gate: Path) -> None:
    job = await ask_gated(demo, gate)
    page = await console("admin")

    async def end_at_once(route: Route) -> None:
        await route.fulfill(content_type="text/event-stream", body=": ping\n\n")

    await page.route("**/jobs/*/events", end_at_once, times=1)
    await page.goto(f"/console/jobs/{job}")
    await expect(page.get_by_role("alert")).to_contain_text("There is no connection to the server.")
    await expect(page.get_by_role("alert")).to_have_count(0)
    await asyncio.to_thread(gate.touch)
    await expect(state_of(page)).to_have_text("Succeeded")


async def test_jobs_are_cancelled_while_they_wait_and_while_they_run(
    console: OpenConsole, demo: Demo, gate: Path
) -> None:
    waiting = await ask_for(demo, "manager", make_brand, Wanted(name="Tomorrow"), after=86_400)
    running = await ask_gated(demo, gate, "manager")
    page, dialog = await console("admin", f"/jobs/{waiting}"), "Cancel tests.{}?"
    await expect(state_of(page)).to_have_text("Waiting")

    await page.get_by_role("button", name="Cancel the job").click()
    asking = page.get_by_role("dialog", name=dialog.format("make"))
    await expect(asking).to_contain_text("It has not begun, and will not.")
    await asking.get_by_label("Reason").fill("Not needed")
    await asking.get_by_role("button", name="Cancel the job").click()
    await expect(state_of(page)).to_have_text("Cancelled")
    assert (await reasons_of(demo, waiting))[0] == "Not needed"

    await page.goto(f"/console/jobs/{running}")
    await expect(state_of(page)).to_have_text("Running")
    await page.get_by_role("button", name="Cancel the job").click()
    asking = page.get_by_role("dialog", name=dialog.format("gated"))
    await expect(asking).to_contain_text("It is told to stop, which takes some seconds.")
    await asking.get_by_role("button", name="Cancel the job").click()
    await expect(page.get_by_text("The job is told to stop.")).to_be_visible()
    await expect(state_of(page)).to_have_text("Cancelled")


async def test_a_job_is_cancelled_by_keys_alone(console: OpenConsole, demo: Demo) -> None:
    job = await ask_for(demo, "manager", make_brand, Wanted(name="Next week"), after=600_000)
    page = await console("manager")
    keys, dialog = Keys(page), page.get_by_role("dialog", name="Cancel tests.make?")

    await keys.go_to("Jobs", "My jobs")
    await keys.use(page.locator(f'a[href$="{job}"]'))
    await keys.arrive("tests.make")
    await keys.use(button(page, "Cancel the job"))
    await expect(dialog.get_by_label("Reason")).to_be_focused()
    await keys.write("Typed")
    await keys.press("Enter")
    await expect(state_of(page)).to_have_text("Cancelled")
    await keys.leave_dialog()
    assert (await reasons_of(demo, job))[0] == "Typed"


async def test_a_job_that_failed_is_tried_again(console: OpenConsole, demo: Demo) -> None:
    job = await ask_for(demo, "manager", give_up, Wanted(name="Never"))
    page = await console("manager", f"/jobs/{job}")
    await expect(state_of(page)).to_have_text("Failed")
    await expect(page.get_by_text("no-such-thing")).to_be_visible()

    await page.get_by_role("button", name="Try it again").click()
    dialog = page.get_by_role("dialog", name="Try tests.give-up again?")
    await dialog.get_by_label("Reason").fill("It is there by now")
    await dialog.get_by_role("button", name="Try it again").click()
    await expect(page.get_by_text("The job waits for its next attempt.")).to_be_visible()
    await expect(dialog).to_have_count(0)
    await expect(page.get_by_role("button", name="Try it again")).to_be_visible()
    assert "It is there by now" in await reasons_of(demo, job)


async def test_others_see_their_own_jobs_and_change_no_other(console: OpenConsole, demo: Demo) -> None:
    await hire(demo, "packer", {"module_slug": "brands", "can_create": True})
    own = await ask_for(demo, "packer", make_brand, Wanted(name="Own"), after=86_400)
    other = await ask_for(demo, "manager", make_brand, Wanted(name="Other"), after=86_400)
    page = await console("packer", "/jobs", refusals=[404])

    await expect(page.get_by_role("heading", level=1)).to_have_text("My jobs")
    rows = page.get_by_role("table", name="My jobs").locator("tbody tr")
    await expect(rows.filter(has_text="tests.make")).to_have_count(1)  # beside the mail about the new password
    await page.get_by_role("link", name="tests.make").click()
    await expect(page).to_have_url(re.compile(str(own)))
    await expect(page.get_by_role("button", name="Cancel the job")).to_be_visible()
    await page.goto(f"/console/jobs/{other}")
    await expect(page.get_by_role("alert")).to_be_visible()

    await hire(demo, "planner", {"module_slug": "jobs"})
    page = await console("planner", f"/jobs/{other}")
    await expect(state_of(page)).to_have_text("Waiting")
    await expect(page.get_by_role("button", name="Cancel the job")).to_have_count(0)


async def test_the_summary_counts_jobs_and_leads_to_them(console: OpenConsole, demo: Demo) -> None:
    await ask_for(demo, "manager", give_up, Wanted(name="Never"))
    await ask_for(demo, "manager", make_brand, Wanted(name="Later"), after=86_400)
    page = await console("admin")
    await page.get_by_role("navigation").get_by_role("link", name="Summary of jobs").click()
    row = page.get_by_role("table", name="Kinds").get_by_role("row", name="tests.give-up")
    failed = row.get_by_role("link").last

    while not await row.count():
        await page.get_by_role("button", name="Count again").click()
    await expect(page.get_by_role("table", name="Queues").get_by_role("row", name="default")).to_contain_text(
        "none is due"
    )
    await failed.click()
    await expect(page).to_have_url(re.compile("state=failed"))
    jobs = page.get_by_role("table", name="Jobs").locator("tbody tr")
    await expect(jobs.first).to_contain_text("no-such-thing")
    for text in await jobs.all_inner_texts():
        assert text.startswith("tests.give-up")
