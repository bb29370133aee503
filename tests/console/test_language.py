"""Dialogs, and addresses without a screen, say no sentence outside the catalogue; screens have tests of their own."""

from tests.browser import Traffic
from tests.console.conftest import OpenConsole
from tests.console.pseudo import find_unspoken


async def test_the_keys_the_palette_and_a_wrong_address_speak_by_the_catalogue(console: OpenConsole) -> None:
    page = await console("manager", "/", locale="en-GB")
    traffic = Traffic(page)
    await page.goto("/console/nowhere/at/all?language=pseudo")
    await page.locator("main .state").first.wait_for()
    await traffic.wait_until_quiet()

    unspoken = {"nowhere": await find_unspoken(page, await traffic.answers(), set())}
    for key, name in (("?", "keys"), ("Control+k", "palette")):
        await page.keyboard.press(key)
        await page.get_by_role("dialog").wait_for()
        unspoken[name] = await find_unspoken(page, await traffic.answers(), set())
        await page.keyboard.press("Escape")

    assert {place: texts for place, texts in unspoken.items() if texts} == {}
