"""The first screen: what a person works with, and for auditors how the day was."""

from playwright.async_api import expect

from tests.console.calls import calls_of, create_tasks
from tests.console.conftest import OpenConsole
from tests.demo import Demo


async def test_home_tells_what_was_changed_and_auditors_how_the_day_was(console: OpenConsole, demo: Demo) -> None:
    async with calls_of(demo, "manager") as manager, calls_of(demo, "office") as other:
        for title in ("Water the trees", "Water the plants"):
            (task,) = await create_tasks(manager, title)
        (await other.patch(f"/tasks/{task}", json={"status": "in_progress"})).raise_for_status()

    page = await console("manager", "/")
    lately = page.get_by_role("table", name="Changed lately").locator("tbody tr")
    await page.get_by_label("Only by me").check()
    await expect(lately.first).to_contain_text("Water the plants")  # what another person changed since then, too
    await expect(lately.first).to_contain_text("created")
    await expect(lately.nth(1)).to_contain_text("Water the trees")
    await expect(page.get_by_role("heading", name="Today")).to_have_count(0)
    await lately.first.click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Water the plants")

    page = await console("auditor", "/")
    today = page.get_by_role("region", name="Today")
    await expect(today).to_contain_text("refused")
    await expect(today.get_by_role("link")).to_have_attribute("href", "/console/audit/summary")
