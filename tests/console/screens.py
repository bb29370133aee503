"""Every screen of the console with an address that shows it."""

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path

import httpx
from playwright.async_api import Page, expect

from tests.browser import Traffic
from tests.console.calls import calls_of
from tests.console.jobs import ask_for
from tests.demo import Demo
from tests.modules.jobs.kinds import Wanted, give_up

SOURCES = Path(__file__).parents[2] / "clients" / "console" / "src"
DECLARED = re.compile(r'\{ path: "([^"]+)"')
APPROVED = "grant:audit:read"
"""What waits for a second person on the server of these tests, so that there is an approval to show."""


@dataclass(frozen=True)
class Screen:
    """An address below `/console`, with ids of `find_ids`, and the heading that the administrator sees there."""

    address: str
    heading: str

    async def open(self, page: Page, traffic: Traffic, ids: dict[str, str], query: str = "") -> None:
        """Open the screen in a tab that is signed in, and wait until the tab has all that the screen asks for."""
        address, *fragment = self.address.format_map(ids).split("#")
        asked = f"/console{address}{'&' if '?' in address else '?'}{query}".rstrip("?&")
        await page.goto("#".join([asked, *fragment]))
        await page.get_by_role("heading", level=1).wait_for()
        await expect(page.locator("main p[role=status]")).to_have_count(0)  # no part of it is loading
        await traffic.wait_until_quiet()


PUBLIC = {
    "/invitation": [Screen("/invitation#token=iv_1", "^Choose your password$"), Screen("/invitation", "^Choose ")],
    "/password-reset": [Screen("/password-reset#token=pr_1", "^Set another "), Screen("/password-reset", "^Set ")],
    "/email-verification": [Screen("/email-verification#token=ev_1", "^Verify your address$")],
}
"""Screens for which a session does nothing, and which have no frame."""

SCREENS = PUBLIC | {
    "/": [Screen("/", "^Home$")],
    "/me": [Screen("/me", "^My account$")],
    "/me/password": [Screen("/me/password", "^Change the password$")],
    "/me/second-factor": [Screen("/me/second-factor", "^Second factor$")],
    "/$slug": [
        Screen("/tasks", "^Tasks$"),
        Screen("/products?deleted=only", "^Products$"),
        Screen("/customers?q=nothing-like-it", "^Customers$"),
        Screen("/users", "^Users$"),
        Screen("/roles", "^Roles$"),
    ],
    "/$slug/new": [Screen("/tasks/new", "^New task$"), Screen("/customers/new", "^New customer$")],
    "/$slug/import": [Screen("/tasks/import", "^Import Tasks$")],
    "/$slug/$id": [
        Screen("/tasks/{task}", "^Show every screen$"),
        Screen("/products/{product}", "."),
        Screen("/customers/{customer}", "."),
    ],
    "/$slug/$id/person": [Screen("/customers/{customer}/person", "^Personal data$")],
    "/users/new": [Screen("/users/new", "^New user$")],
    "/users/$id": [
        Screen("/users/{user}", "^manager$"),
        Screen("/users/{user}?tab=roles", "^manager$"),
        Screen("/users/{user}?tab=permissions", "^manager$"),
        Screen("/users/{user}?tab=sessions", "^manager$"),
        Screen("/users/{user}?tab=keys", "^manager$"),
        Screen("/users/{user}?tab=sign-ins", "^manager$"),
        Screen("/users/{user}?tab=activity", "^manager$"),
    ],
    "/roles/new": [Screen("/roles/new", "^New role$")],
    "/roles/$id": [
        Screen("/roles/{role}", "^Manager$"),
        Screen("/roles/{role}?tab=grants", "^Manager$"),
        Screen("/roles/{role}?tab=users", "^Manager$"),
    ],
    "/roles/matrix": [Screen("/roles/matrix", "^Matrix$"), Screen("/roles/matrix?role={role}", "^Matrix$")],
    "/roles/explain": [
        Screen("/roles/explain", "^Why, why not$"),
        Screen("/roles/explain?username=reader&permission=products:delete", "^Why, why not$"),
        Screen("/roles/explain?username=manager&permission=products:delete", "^Why, why not$"),
    ],
    "/roles/versions": [Screen("/roles/versions", "^Versions$")],
    "/roles/versions/$id": [Screen("/roles/versions/{version}", "^Version ")],
    "/approvals": [Screen("/approvals", "^Approvals$")],
    "/approvals/$id": [Screen("/approvals/{approval}", ".")],
    "/jobs": [Screen("/jobs", "^Jobs$"), Screen("/jobs?state=failed", "^Jobs$")],
    "/jobs/$id": [Screen("/jobs/{job}", "^tests.give-up$")],
    "/jobs/summary": [Screen("/jobs/summary", "^Summary of jobs$")],
    "/jobs/schedules": [Screen("/jobs/schedules", "^Schedules$")],
    "/audit": [Screen("/audit", "^Summary$")],
    "/audit/summary": [
        Screen("/audit/summary", "^Summary$"),
        Screen("/audit/summary?guard=signed-in", "^Summary$"),
    ],
    "/audit/changes": [
        Screen("/audit/changes", "^Change log$"),
        Screen("/audit/changes?entity=product&entity_id={product}&field=price", "^Change log$"),
    ],
    "/audit/access": [Screen("/audit/access", "^Access log$")],
    "/audit/calls/$id": [Screen("/audit/calls/{call}", "^POST /api/v1/")],
    "/audit/actors/$id": [Screen("/audit/actors/{user}", "^manager$")],
    "/audit/logins": [Screen("/audit/logins", "^Sign-ins$")],
    "/audit/sessions": [Screen("/audit/sessions", "^Open sessions$")],
    "/audit/keys": [Screen("/audit/keys", "^API keys$")],
    "/audit/proofs": [
        Screen("/audit/proofs", "^Proofs$"),
        Screen("/audit/proofs?log=changes&seq=1", "^Proofs$"),
    ],
}
"""Addresses by the path in the sources. Parts of a screen and states of a list have addresses of their own."""

ALL = [screen for screens in SCREENS.values() for screen in screens]


def declared_paths() -> list[str]:
    """The paths of the table of screens, and those of the generic screens, as the sources of the console have them."""
    return [path for name in ("screens.ts", "router.tsx") for path in DECLARED.findall((SOURCES / name).read_text())]


async def find_ids(demo: Demo) -> dict[str, str]:
    """One of each thing that an address names. Asks for a change that waits for a second person, and for a job."""
    async with calls_of(demo, "manager") as manager:
        me = (await manager.get("/auth/me")).json()
        task = (await manager.post("/tasks", json={"title": "Show every screen", "assignee_id": me["id"]})).json()
        product = await find_first(manager, "/products")
        (await manager.patch(f"/products/{product}", json={"price": "12.50"})).raise_for_status()
    async with calls_of(demo, "admin") as admin:
        return {
            "task": task["id"],
            "product": product,
            "customer": await find_first(admin, "/customers"),
            "user": me["id"],
            "role": await find_first(admin, "/roles", name="Manager"),
            "version": await find_first(admin, "/rbac/versions"),
            "call": (await admin.get("/audit/changes", params={"entity": "task", "limit": 1})).json()["items"][0][
                "call_id"
            ],
            "approval": await ask_for_approval(admin),
            "job": await ask_for_failure(demo, admin),
        }


async def find_first(client: httpx.AsyncClient, path: str, field: str = "id", **filters: str) -> str:
    """A field of the first item of a list."""
    answer = await client.get(path, params={"limit": 1, **filters})
    return str(answer.raise_for_status().json()["items"][0][field])


async def ask_for_approval(admin: httpx.AsyncClient) -> str:
    """Give the role Auditor to a user, which waits for a second person. Returns the id of the approval."""
    body = {"role_ids": [await find_first(admin, "/roles", name="Auditor")]}
    support = await find_first(admin, "/users", username="support")
    answer = await admin.put(f"/users/{support}/roles", json=body)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


async def ask_for_failure(demo: Demo, admin: httpx.AsyncClient) -> str:
    """Ask for a job, and wait until it has failed. Returns its id."""
    job = await ask_for(demo, "admin", give_up, Wanted(name="Show every screen"))
    while (await admin.get(f"/jobs/{job}")).raise_for_status().json()["ended_at"] is None:  # noqa: ASYNC110  # HTTP
        await asyncio.sleep(0.2)
    return str(job)
