"""What a person without a mouse does."""

import re

from playwright.async_api import Locator, Page, expect

MOST_STOPS = 200
SEEN = """() => {
  const focused = document.activeElement;
  if (!focused || focused === document.body) return "nothing has the focus";
  const style = getComputedStyle(focused);
  const isSeen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  return isSeen ? "" : `unseen: ${focused.outerHTML.slice(0, 200)}`;
}"""


class Keys:
    """What a person without a mouse does."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.press, self.write = page.keyboard.press, page.keyboard.type

    async def check_focus(self) -> None:
        """Fails if the focus is lost or cannot be seen."""
        assert await self.page.evaluate(SEEN) == ""

    async def reach(self, target: Locator, key: str = "Tab") -> None:
        """Press a key until the target has the focus, and check each stop."""
        await target.wait_for()
        for _ in range(MOST_STOPS):
            await self.press(key)
            if await target.evaluate("target => target === document.activeElement"):
                await self.check_focus()
                return
        raise AssertionError(f"{key} does not lead to {target}")

    async def use(self, target: Locator, key: str = "Tab") -> None:
        """Reach a link or button, and press it."""
        await self.reach(target, key)
        await self.press("Enter")

    async def go_to(self, words: str, heading: str | re.Pattern[str]) -> None:
        """Go to a screen or an item by the palette."""
        await self.press("Control+k")
        await expect(self.page.get_by_role("dialog", name="Go to")).to_be_visible()
        await self.write(words)
        await expect(self.page.get_by_role("menuitem", name=words).first).to_be_visible()
        await self.press("ArrowDown")
        await self.press("Enter")
        await self.arrive(heading)

    async def arrive(self, heading: str | re.Pattern[str]) -> None:
        """Wait for a screen, which has not lost the focus."""
        await expect(self.page.get_by_role("heading", level=1)).to_have_text(heading)
        await self.check_focus()

    async def leave_dialog(self) -> None:
        """Wait until no dialog is open. The focus is on the page again."""
        await expect(self.page.get_by_role("dialog")).to_have_count(0)
        await self.check_focus()


def button(place: Page | Locator, name: str) -> Locator:
    return place.get_by_role("button", name=name, exact=True)
