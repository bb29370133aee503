"""Modules start in the order that they declare, whatever the order in which they are found."""

import pkgutil
from collections.abc import Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from app import modules
from app.core.config import Settings
from app.core.db.engine import Database
from app.core.http.module_hooks import BadModuleOrder, ModuleHooks, in_start_order
from app.core.http.state import State
from app.main import create_app


def order_of(**after: tuple[str, ...]) -> list[str]:
    """The names of modules in their start order, given what each starts after."""
    hooks = {name: ModuleHooks(after=needs) for name, needs in after.items()}
    names = {id(hook): name for name, hook in hooks.items()}
    return [names[id(hook)] for hook in in_start_order(hooks, after)]


def test_a_module_starts_after_those_that_it_needs() -> None:
    assert order_of(a=("c",), b=(), c=("b",)) == ["b", "c", "a"]


def test_modules_without_an_order_start_by_name_however_they_are_listed() -> None:
    assert order_of(c=(), b=(), a=()) == order_of(a=(), b=(), c=()) == ["a", "b", "c"]


def test_an_unknown_need_stops_the_start_with_its_name() -> None:
    with pytest.raises(BadModuleOrder, match="module a must start after nowhere, which does not exist"):
        order_of(a=("nowhere",))


def test_a_circular_need_stops_the_start_with_its_names() -> None:
    with pytest.raises(BadModuleOrder, match=r"a -> b -> a|b -> a -> b"):
        order_of(a=("b",), b=("a",))


@pytest.fixture
def reversed_discovery(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Modules are found in reverse order."""
    real = pkgutil.iter_modules
    found = (modules.names, modules.discover)

    def find(path: Any) -> Iterator[Any]:
        return reversed(list(real(path)))

    monkeypatch.setattr("app.modules.iter_modules", find)
    monkeypatch.setattr(modules, "sorted", list, raising=False)
    for each in found:
        each.cache_clear()
    yield
    for each in found:
        each.cache_clear()


@pytest.mark.usefixtures("reversed_discovery")
async def test_an_application_starts_with_discovery_reversed(settings: Settings) -> None:
    assert list(modules.names()) == sorted(modules.names(), reverse=True)
    app = create_app(settings)

    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://attest.test") as client:
            ready = await client.get("/readyz")
            refused = await client.get("/api/v1/tasks")

    assert (ready.status_code, refused.status_code) == (200, 401)


@pytest.mark.usefixtures("reversed_discovery")
def test_listeners_of_a_flush_run_in_the_declared_order(settings: Settings) -> None:
    installed: list[str] = []

    def installs(name: str) -> Any:
        return lambda _database: installed.append(name)

    declared = {name: part.HOOKS for name, part in modules.discover("hooks")}
    watched = {
        name: ModuleHooks(after=hook.after, install=installs(name)) for name, hook in declared.items() if hook.install
    } | {name: hook for name, hook in declared.items() if not hook.install}
    for hook in in_start_order(watched, modules.names()):
        if hook.install:
            hook.install(Database(settings))

    first = [
        "audit",
        "api_keys",
        "auth",
        "email_verification",
        "events",
        "idempotency",
        "invitations",
        "notices",
        "second_factor",
        "sessions",
        "users",
    ]
    assert installed == [*first, "rbac", "approvals", "jobs", "transfers", "webhooks"]


def test_state_that_is_not_set_yet_is_an_error_with_its_name(settings: Settings) -> None:
    state = State(settings)

    with pytest.raises(AttributeError, match="authenticator"):
        _ = state.authenticator


async def test_what_a_module_opened_is_closed_when_a_later_one_fails(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []

    @asynccontextmanager
    async def watched(_state: State) -> Any:
        events.append("open")
        try:
            yield
        finally:
            events.append("close")

    def failing(_state: State) -> Any:
        raise RuntimeError("planted")

    capture = [hook for hook in modules.hooks() if hook.install]
    late = [ModuleHooks(lifespan=watched), ModuleHooks(lifespan=failing)]
    app = create_app(settings)
    monkeypatch.setattr("app.main.hooks", lambda: [ModuleHooks(install=hook.install) for hook in capture] + late)

    with pytest.raises(RuntimeError, match="planted"):
        async with app.router.lifespan_context(app):
            pass

    assert events == ["open", "close"]
