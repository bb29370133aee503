"""The cosignatures of witnesses, as the browser verifies them."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from playwright.async_api import Route, expect

from app.modules.audit.seal.checkpoint import Cosigner
from app.modules.audit.seal.note import Note
from tests.console.conftest import OpenConsole


async def test_the_browser_verifies_cosignatures(console: OpenConsole) -> None:
    witness, away = (Cosigner(f"witness.example/{number}", Ed25519PrivateKey.generate()) for number in (1, 2))
    page = await console("auditor", "/audit/proofs")
    log = page.get_by_role("region", name="Change log")
    await expect(log.get_by_text("The newest checkpoint covers")).to_be_visible()
    await expect(page.get_by_text("cosigned")).to_have_count(0)
    signs = "this checkpoint"

    async def cosign(route: Route) -> None:
        note = Note.parse(await (await route.fetch()).body())
        text = note.text if signs == "this checkpoint" else note.text.replace("attest/epoch 0", "attest/epoch 1")
        await route.fulfill(body=bytes(note.add(witness.sign(text))), content_type="text/plain")

    async def publish(route: Route) -> None:
        status = await (await route.fetch()).json()
        known = [
            {"name": each.key.name, "verifier_key": str(each.key), "size": 1, "at": None} for each in (witness, away)
        ]
        await route.fulfill(json={**status, "logs": [{**each, "witnesses": known} for each in status["logs"]]})

    await page.route("**/api/v1/audit/checkpoint?log=changes", cosign)
    await page.route("**/api/v1/audit/status", publish)
    await log.get_by_role("button", name="Check again").click()
    await expect(log.get_by_text("The witness witness.example/1+")).to_contain_text("has cosigned this checkpoint")
    await expect(log.get_by_text("Not cosigned yet by witness.example/2.")).to_be_visible()
    await expect(page.get_by_role("alert")).to_have_count(0)

    signs = "another one"
    await log.get_by_role("button", name="Check again").click()
    await expect(log.get_by_role("alert")).to_contain_text("A cosignature is forged")
