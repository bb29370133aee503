"""Schedules in the browser: those who may change jobs turn them on and off, and others see whether they are."""

import re

from playwright.async_api import expect

from tests.console.calls import calls_of, hire
from tests.console.conftest import OpenConsole
from tests.console.jobs import YEARLY
from tests.demo import Demo


async def stored(demo: Demo) -> dict[str, object]:
    async with calls_of(demo, "admin") as admin:
        (schedule,) = (await admin.get("/jobs/schedules")).raise_for_status().json()["items"]
        found: dict[str, object] = schedule
        return found


async def test_a_schedule_is_turned_off_and_on_with_a_reason(console: OpenConsole, demo: Demo) -> None:
    page = await console("admin")
    await page.get_by_role("navigation").get_by_role("link", name="Schedules").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Schedules")
    switch, dialog = page.get_by_role("row", name=YEARLY).get_by_role("switch"), page.get_by_role("dialog")
    await expect(switch).to_be_checked()

    await switch.click()
    await expect(dialog).to_contain_text("What it would have asked for while it is off is not made up for.")
    await dialog.get_by_label("Reason").fill("Stocktaking")
    async with page.expect_request(lambda request: request.method == "PATCH") as asked:
        await dialog.get_by_role("button", name="Turn off").click()
    await expect(switch).not_to_be_checked()
    await expect(page.get_by_role("status").filter(has_text=f"{YEARLY} is off.")).to_be_visible()
    await expect(switch).to_be_focused()
    request = await asked.value
    assert re.fullmatch(r'"\d+"', request.headers["if-match"])
    off = await stored(demo)
    assert (off["enabled"], off["next_at"]) == (False, None)
    async with calls_of(demo, "auditor") as auditor:
        entries = await auditor.get("/audit/changes", params={"entity": "job_schedule", "entity_id": str(off["id"])})
    assert entries.json()["items"][0]["reason"] == "Stocktaking"

    await switch.press("Space")
    await dialog.get_by_role("button", name="Turn on").click()
    await expect(switch).to_be_checked()
    assert (await stored(demo))["enabled"] is True


async def test_a_schedule_that_another_person_has_changed_is_looked_at_again(console: OpenConsole, demo: Demo) -> None:
    page = await console("admin", "/jobs/schedules", refusals=[412])
    switch, dialog = page.get_by_role("row", name=YEARLY).get_by_role("switch"), page.get_by_role("dialog")
    await expect(switch).to_be_checked()
    async with calls_of(demo, "admin") as admin:
        (await admin.patch(f"/jobs/schedules/{YEARLY}", json={"enabled": False})).raise_for_status()

    await switch.click()
    await dialog.get_by_role("button", name="Turn off").click()
    await expect(dialog.get_by_role("alert")).to_be_visible()
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(switch).not_to_be_checked()

    async with calls_of(demo, "admin") as admin:
        (await admin.patch(f"/jobs/schedules/{YEARLY}", json={"enabled": True})).raise_for_status()


async def test_those_who_only_read_jobs_are_offered_no_switch(console: OpenConsole, demo: Demo) -> None:
    await hire(demo, "foreman", {"module_slug": "jobs"})
    page = await console("foreman", "/jobs/schedules")
    row = page.get_by_role("row", name=YEARLY)

    await expect(row).to_contain_text("On")
    await expect(row.get_by_role("switch")).to_have_count(0)
