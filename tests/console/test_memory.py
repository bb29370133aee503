"""The memory of a tab does not grow with the pages of a list that it has shown."""

import json

from playwright.async_api import CDPSession, Page, expect

from tests.console.calls import calls_of, create_tasks
from tests.console.conftest import OpenConsole
from tests.demo import Demo

AT_ONCE, PER_PAGE, FEW, MANY = 100, 50, 5, 40
BACK = 14
"""Some of the pages to which the test goes back are no longer kept."""
MOST_GROWTH_BYTES = 250_000
"""Some pages more are kept after many than after few, at 20 kB each. All 35 would be three times as much."""
NOT_DATA = {"code", "native", "object shape"}
"""The engine compiles what runs often, and the browser notes how fast a page was, whatever that keeps."""
GO_ON = """async (pages) => {
  const first = () => document.querySelector("tbody tr")?.textContent;
  for (let page = 0; page < pages; page += 1) {
    const before = first();
    [...document.querySelectorAll(".pager button")].at(-1).click();
    while (first() === before || !first()) await new Promise((resolve) => setTimeout(resolve, 10));
  }
}"""


async def measure_data(session: CDPSession) -> int:
    """The bytes of the objects, texts and lists in the memory of a tab, without garbage."""
    parts: list[str] = []
    session.on("HeapProfiler.addHeapSnapshotChunk", lambda part: parts.append(part["chunk"]))
    for _ in range(3):  # what is finalised after one collection is garbage for the next
        await session.send("HeapProfiler.collectGarbage")
    await session.send("HeapProfiler.takeHeapSnapshot", {"reportProgress": False})
    await session.detach()
    taken = json.loads("".join(parts))
    fields, kinds = taken["snapshot"]["meta"]["node_fields"], taken["snapshot"]["meta"]["node_types"][0]
    of_kinds, of_sizes = (taken["nodes"][fields.index(name) :: len(fields)] for name in ("type", "self_size"))
    return sum(size for kind, size in zip(of_kinds, of_sizes, strict=True) if kinds[kind] not in NOT_DATA)


def title_of(row: int) -> str:
    return f"Page through {row:04}"


def first_of(number: int) -> str:
    """The title in the first row of a page."""
    return title_of((number - 1) * PER_PAGE)


async def data_of(page: Page) -> int:
    return await measure_data(await page.context.new_cdp_session(page))


async def test_the_memory_of_a_tab_stays_while_pages_of_a_list_come_and_go(console: OpenConsole, demo: Demo) -> None:
    async with calls_of(demo, "manager") as manager:
        for first in range(0, (MANY + 1) * PER_PAGE, AT_ONCE):
            await create_tasks(manager, *map(title_of, range(first, first + AT_ONCE)))
    page = await console("manager", "/tasks?q=page+through&sort=title")
    rows = page.get_by_role("table", name="Tasks").locator("tbody tr")
    await expect(rows.first).to_contain_text(first_of(1))

    await page.evaluate(GO_ON, FEW - 1)
    few = await data_of(page)
    await page.evaluate(GO_ON, MANY - FEW)
    many = await data_of(page)

    await expect(rows.first).to_contain_text(first_of(MANY))
    assert many - few < MOST_GROWTH_BYTES
    for number in range(MANY - 1, MANY - BACK, -1):
        await page.get_by_role("button", name="Earlier").click()
        await expect(rows.first).to_contain_text(first_of(number))
