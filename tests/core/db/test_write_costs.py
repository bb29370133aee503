"""What a write costs on PostgreSQL: round trips, and bytes of the write-ahead log.

A write that has become cheaper lowers its row of the table, so that it cannot become dearer again.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from app.core.config import AuthSettings, Settings
from app.core.resources.imports.rows import ROWS_PER_BATCH
from tests.databases import EmbeddedServer, Postgresql
from tests.fixtures.databases import prepare, settings_for
from tests.modules.auth.calls import FIREFOX, get_me, refresh, sign_in, sign_in_again
from tests.modules.second_factor.devices import enrolled
from tests.people import Person, SignedInAs
from tests.roles import as_owner, as_role
from tests.round_trips import count_on_new_connections, round_trips_of_block

WARM, MEASURED = 4, 6
WAL_MARGIN, WAL_STEP = 0.02, 8
"""Pages that split differ a little in bulk, and a record's length, in bytes, is rounded up to a multiple of the step.

What else the server writes only adds bytes, so the least counts.
"""

TEMPLATE = "template"
TASK = {"title": "Count the lamps in hall two", "description": "before noon"}
numbers = count(1)

Make = Callable[[Person], Awaitable[str]]
Write = Callable[[Person, str], Awaitable[httpx.Response]]


@dataclass(frozen=True)
class Case:
    """A write, what it needs to be there (made before it, and not measured), and its cost."""

    name: str
    round_trips: int
    wal_bytes: int
    make: Make
    write: Write


async def nothing(_person: Person) -> str:
    return ""


async def task(person: Person) -> str:
    return str((await person.post("/tasks", TASK)).raise_for_status().json()["id"])


async def deleted_task(person: Person) -> str:
    made = await task(person)
    (await person.delete(f"/tasks/{made}")).raise_for_status()
    return made


async def brand_and_category(person: Person) -> dict[str, str]:
    made = {}
    for name, path in (("brand_id", "/brands"), ("category_id", "/categories")):
        response = await person.post(path, {"name": f"Lamps {next(numbers):06}"})
        made[name] = response.raise_for_status().json()["id"]
    return made


def product_with(references: dict[str, str]) -> dict[str, Any]:
    return {"sku": f"L-{next(numbers):06}", "name": "Desk lamp", "price": "19.90", "currency": "EUR", **references}


async def product(person: Person) -> str:
    created = await person.post("/products", product_with(await brand_and_category(person)))
    return str(created.raise_for_status().json()["id"])


async def references(person: Person) -> str:
    made = await brand_and_category(person)
    return f"{made['brand_id']} {made['category_id']}"


async def create_product(person: Person, ids: str) -> httpx.Response:
    brand, category = ids.split()
    return await person.post("/products", product_with({"brand_id": brand, "category_id": category}))


async def create_customer(person: Person, _id: str) -> httpx.Response:
    body = {"first_name": "Carla", "last_name": "Customer", "email": f"carla{next(numbers):06}@example.com"}
    return await person.post("/customers", body)


async def hundred_tasks(person: Person) -> str:
    response = await person.post("/tasks/bulk", {"create": [TASK] * 100})
    return " ".join(item["id"] for item in response.raise_for_status().json()["created"])


async def update_hundred(person: Person, ids: str) -> httpx.Response:
    update = [{"id": task, "changes": {"title": "Count them again"}} for task in ids.split()]
    return await person.post("/tasks/bulk", {"update": update})


def import_rows(rows: int) -> Write:
    content = b"title,description\n" + b"Count the lamps in hall two,before noon\n" * rows
    headers = {"Content-Type": "text/csv"}
    return lambda person, _id: person.post("/tasks/import", content=content, headers=headers)


async def one_session(person: Person) -> str:
    """Nothing but the person's own session: a sign-in locks each that is open."""
    (await person.delete("/auth/me/sessions")).raise_for_status()
    return ""


async def code_of_factor(person: Person) -> str:
    """A code of a second factor that was just enrolled, and one session."""
    await one_session(person)
    await person.delete("/auth/me/second-factor")
    device, _ = await enrolled(person)
    return device()


async def sessions_up_to_the_limit(person: Person) -> str:
    for _ in range(AuthSettings().max_sessions):
        await sign_in(person.client, person)
    return ""


async def sign_in_with(person: Person, code: str) -> httpx.Response:
    return await sign_in(person.client, person, **({"code": code} if code else {}))


async def refresh_token(person: Person) -> str:
    return (await sign_in_again(person.client, person)).refresh_token


async def refresh_again(person: Person, token: str) -> httpx.Response:
    """Refresh with the user agent of the sign-in."""
    headers, body = {"User-Agent": FIREFOX}, {"refresh_token": token}
    return await person.client.post("/auth/token/refresh", json=body, headers=headers)


async def refreshed(person: Person) -> str:
    """The access token of a session that was continued."""
    return str((await refresh(person.client, await refresh_token(person))).json()["access_token"])


async def key(person: Person) -> str:
    created = await person.post("/auth/api-keys", {"name": "Report", "scopes": ["tasks:read"]})
    return str(created.raise_for_status().json()["key"])


CASES = [
    Case("create a task", 1, 2736, nothing, lambda person, _id: person.post("/tasks", TASK)),
    Case("update a task", 2, 2224, task, lambda person, made: person.patch(f"/tasks/{made}", {"title": "Again"})),
    Case("delete a task", 2, 2344, task, lambda person, made: person.delete(f"/tasks/{made}")),
    Case("restore a task", 2, 2272, deleted_task, lambda person, made: person.post(f"/tasks/{made}/restore")),
    Case("create a product", 2, 3048, references, create_product),
    Case(
        "update a product", 3, 2408, product, lambda person, made: person.patch(f"/products/{made}", {"name": "Lamp"})
    ),
    Case(
        "move stock",
        2,
        4080,
        product,
        lambda person, made: person.post(f"/products/{made}/stock-movements", {"delta": 5, "reason": "Delivered"}),
    ),
    Case("create a customer", 1, 3416, nothing, create_customer),
    Case(
        "bulk of 100 creates",
        7,
        277_568,
        nothing,
        lambda person, _: person.post("/tasks/bulk", {"create": [TASK] * 100}),
    ),
    Case("bulk of 100 updates", 7, 259_168, hundred_tasks, update_hundred),
    Case("import of a batch", 6, 277_568, nothing, import_rows(ROWS_PER_BATCH)),
    Case("import of three batches", 14, 837_792, nothing, import_rows(3 * ROWS_PER_BATCH)),
    Case("sign in", 13, 5104, one_session, sign_in_with),
    Case("sign in beyond the limit", 16, 6824, sessions_up_to_the_limit, sign_in_with),
    Case("sign in with a code", 15, 5320, code_of_factor, sign_in_with),
    Case("refresh", 5, 248, refresh_token, refresh_again),
    Case("refresh from elsewhere", 6, 1840, refresh_token, lambda person, token: refresh(person.client, token)),
    Case("first use of a pair", 6, 224, refreshed, lambda person, token: get_me(person.client, token)),
    Case("use of an API key", 3, 312, key, lambda person, key: get_me(person.client, key)),
]


@pytest.fixture(scope="module")
def quiet_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgresql]:
    """A server of this file alone: the write-ahead log is one for all databases of a server."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", "")  # the server sets it; at the end it is what it was
        server = EmbeddedServer()
        backend = Postgresql(server.url)
        prepare(settings_for(backend.create(TEMPLATE), tmp_path_factory.mktemp("template")), backend)
        yield backend
        server.stop()


@pytest.fixture
def settings(quiet_server: Postgresql, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Count round trips from before the application opens its connections."""
    count_on_new_connections(monkeypatch)
    name = f"test_{uuid4().hex}"
    yield as_role(settings_for(quiet_server.create(name, TEMPLATE), tmp_path / "var"), "app")
    quiet_server.drop(name)


@pytest.fixture
async def server(settings: Settings) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(as_owner(settings).database_url.get_secret_value().replace("+asyncpg", ""))
    yield connection
    await connection.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"postgresql-{case.name}")
async def test_a_write_costs_what_it_cost(case: Case, signed_in_as: SignedInAs, server: Any) -> None:
    person = await signed_in_as(superuser=True)
    sent, written = [], []
    for _ in range(WARM + MEASURED):
        made = await case.make(person)
        before = await position(server)
        with round_trips_of_block() as found:
            response = await case.write(person, made)
        written.append(await position(server) - before)
        sent.append(found)
        assert response.is_success, response.text

    least = min(sent[WARM:], key=len)
    assert len(least) == case.round_trips, "\n".join(least)
    assert min(written[WARM:]) == pytest.approx(case.wal_bytes, rel=WAL_MARGIN, abs=2 * WAL_STEP)


async def position(server: Any) -> int:
    """The end of the write-ahead log, in bytes from its beginning."""
    return int(await server.fetchval("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))
