"""Every module that has a factory, found as the application finds its modules."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from app.modules import discover

ACTIONS = ("create", "read", "update", "delete")


def folders() -> dict[str, Any]:
    """Routers by module folder."""
    return {name: part.router for name, part in discover("router")}


def factories() -> dict[str, Any]:
    """Factories by module folder: `PATH`, `SLUG`, `ENTITY`, `CHANGE`, `body()`."""
    return {
        folder: import_module(f"tests.modules.{folder}.factory")
        for folder in folders()
        if find_spec(f"tests.modules.{folder}") and find_spec(f"tests.modules.{folder}.factory")
    }


def creates_items(folder: str) -> bool:
    """Whether the module has a guarded POST on its own collection."""
    router = folders()[folder]
    if router.module is None:
        return False
    return any("POST" in (r.methods or ()) and r.path == f"/{router.module.slug}" for r in router.routes)


def own_actions(slug: str) -> tuple[str, ...]:
    """The permissions for the actions that a module has beside the standard ones, such as to write some fields."""
    modules = [router.module for router in folders().values() if router.module and router.module.slug == slug]
    return tuple(f"{slug}:{action}" for module in modules for action in module.actions)


def everything(slug: str) -> tuple[str, ...]:
    """Every permission of a module, its own actions too."""
    return (*(f"{slug}:{action}" for action in ACTIONS), *own_actions(slug))


def declared() -> dict[str, Any]:
    """The factories of modules whose endpoints come from `add_resource`."""
    routers = folders()
    return {
        folder: factory
        for folder, factory in factories().items()
        if any(getattr(route, "path", None) == f"{factory.PATH}/bulk" for route in routers[folder].routes)
    }
