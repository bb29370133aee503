"""Races: parallel clients of two server processes on one PostgreSQL."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Iterable, Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from scripts.servers import PATIENCE_SECONDS, UNLIMITED, Server, signed_in
from tests.databases import Backend, in_a_thread
from tests.fixtures.databases import settings_for
from tests.fixtures.servers import environment_of, superuser_in
from tests.modules.second_factor.devices import codes
from tests.people import PASSWORD

pytestmark = [pytest.mark.parametrize("backend", ["postgresql"], indirect=True), pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def two_processes(
    backend: Backend, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, dict[str, str]]]:
    """Two server processes on a database of this module, and the credentials of a superuser."""
    folder = tmp_path_factory.mktemp("races")
    name = f"races_{uuid4().hex}"
    settings = settings_for(backend.create(name, template), folder / "var")
    with Server(environment_of(settings) | UNLIMITED, workers=2).start(log=folder / "server.log") as server:
        yield server, in_a_thread(lambda: superuser_in(settings))
    backend.drop(name)


@pytest.fixture
async def api(two_processes: tuple[Server, dict[str, str]]) -> AsyncIterator[httpx.AsyncClient]:
    """A client of both processes, signed in as a superuser; each connection goes to one of them."""
    server, credentials = two_processes
    limits = httpx.Limits(max_keepalive_connections=0)
    async with signed_in(server, credentials, limits=limits, timeout=PATIENCE_SECONDS) as client:
        yield client


async def together(calls: Iterable[Awaitable[httpx.Response]]) -> list[httpx.Response]:
    return list(await asyncio.gather(*calls))


def statuses(answers: Iterable[httpx.Response]) -> dict[int, int]:
    return dict(Counter(answer.status_code for answer in answers))


async def create(api: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    answer = await api.post(path, json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_one_of_24_customers_gets_the_address(api: httpx.AsyncClient) -> None:
    body = {"first_name": "A", "last_name": "B", "email": "One@example.com"}

    answers = await together(api.post("/customers", json=body) for _ in range(24))

    assert statuses(answers) == {201: 1, 409: 23}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"already-exists"}


async def test_stock_is_never_below_nothing_and_loses_no_movement(api: httpx.AsyncClient) -> None:
    product = await create(api, "/products", sku="S", name="Lamp", price="1.00", currency="EUR")
    path = f"/products/{product['id']}/stock-movements"
    await create(api, path, delta=10, reason="bought")

    answers = await together(api.post(path, json={"delta": -1, "reason": f"sold {n}"}) for n in range(30))

    assert statuses(answers) == {201: 10, 409: 20}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"insufficient-stock"}
    movements = (await api.get(path, params={"limit": 100})).json()["items"]
    assert sum(movement["delta"] for movement in movements) == 0
    assert sorted(movement["stock"] for movement in movements) == list(range(11))
    assert (await api.get(f"/products/{product['id']}")).json()["stock"] == 0


async def test_a_key_sent_16_times_has_one_effect(api: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "same"}

    answers = await together(api.post("/tasks", json={"title": "once"}, headers=headers) for _ in range(16))

    assert set(statuses(answers)) <= {201, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
    for answer in answers:
        if answer.status_code == 409:
            assert (answer.json()["code"], answer.headers["retry-after"]) == ("idempotency-key-in-use", "1")
    assert (await api.get("/tasks", params={"total": "true"})).json()["total"] == 1


async def test_no_update_is_lost_with_if_match(api: httpx.AsyncClient) -> None:
    brand = await create(api, "/brands", name="Acme", description="0")

    all_have_read = asyncio.Barrier(8)

    async def add_one() -> int:
        conflicts = 0
        while True:
            found = await api.get(f"/brands/{brand['id']}")
            if conflicts == 0:
                await all_have_read.wait()
            change = {"description": str(int(found.json()["description"]) + 1)}
            headers = {"If-Match": found.headers["etag"]}
            answer = await api.patch(f"/brands/{brand['id']}", json=change, headers=headers)
            if answer.status_code == 200:
                return conflicts
            assert answer.status_code == 412
            conflicts += 1

    conflicts = await asyncio.gather(*(add_one() for _ in range(8)))

    assert sum(conflicts) >= 7
    assert (await api.get(f"/brands/{brand['id']}")).json()["description"] == "8"


async def test_categories_never_make_a_cycle(api: httpx.AsyncClient) -> None:
    names = ("a", "b", "c")
    nodes = [await create(api, "/categories", name=name) for name in names]
    below = [(nodes[n]["id"], nodes[(n + 1) % 3]["id"]) for n in range(3)]

    answers = await together(api.patch(f"/categories/{child}", json={"parent_id": up}) for child, up in below * 3)

    assert set(statuses(answers)) == {200, 409}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"category-cycle"}
    items = (await api.get("/categories")).json()["items"]
    assert sorted(item["parent_id"] is None for item in items) == [False, False, True]


async def test_nothing_visible_refers_to_something_deleted(api: httpx.AsyncClient) -> None:
    for n in range(8):
        brand = await create(api, "/brands", name=f"brand {n}")
        body = {"sku": f"s{n}", "name": "Lamp", "price": "1.00", "currency": "EUR", "brand_id": brand["id"]}

        created, deleted = await together([api.post("/products", json=body), api.delete(f"/brands/{brand['id']}")])

        assert (created.status_code, deleted.status_code) in {(201, 409), (422, 204)}


async def test_one_refresh_token_has_one_successor(
    api: httpx.AsyncClient, two_processes: tuple[Server, dict[str, str]]
) -> None:
    token = (await api.post("/auth/token", data=two_processes[1])).json()["refresh_token"]

    answers = await together(api.post("/auth/token/refresh", json={"refresh_token": token}) for _ in range(16))

    assert statuses(answers) == {200: 16}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1


async def test_a_code_is_valid_once(api: httpx.AsyncClient, two_processes: tuple[Server, dict[str, str]]) -> None:
    password = "copper-lantern-84-quay"
    user = await create(api, "/users", username="tara", email="tara@example.com", password=password)
    credentials = {"username": user["username"], "password": password}
    async with signed_in(two_processes[0], credentials, timeout=PATIENCE_SECONDS) as own:
        new = {"current_password": password, "new_password": PASSWORD}
        assert (await own.post("/auth/me/password", json=new)).status_code == 204
        begun = (await own.post("/auth/me/second-factor", json={"current_password": PASSWORD})).json()
        device = codes(begun["secret"])
        assert (await own.post("/auth/me/second-factor/confirm", json={"code": device()})).status_code == 200
        code = {"code": device()}

        answers = await together(own.post("/auth/step-up", json=code) for _ in range(4))

    assert statuses(answers) == {204: 1, 403: 3}
