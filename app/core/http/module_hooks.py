"""The hooks by which modules take part in start and stop of an application, and the order of modules."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from starlette.types import ASGIApp

from app.core.config import Settings
from app.core.db.engine import Database
from app.core.db.pruning import PruneRule
from app.core.http.state import State
from app.core.runtime.command_result import CommandResult

Command = Callable[..., Awaitable[CommandResult]]
"""A command of `python -m app`, given the database, and its options by keyword. Its docstring is its help."""


class BadModuleOrder(RuntimeError):
    """A module needs one that does not exist, or modules need each other in a circle."""


@dataclass(frozen=True)
class ModuleHooks:
    """`HOOKS` in a module's `hooks.py`.

    `after` names the modules that must be installed and started before this one. `install` attaches listeners to a
    database that was just made, `lifespan` surrounds the life of the application, and `middleware` is added outside of
    the kernel's limits and inside of its request context. `prune_rules` declares which rows go when they are too old.
    `commands` are commands of `python -m app`, by their names; `jobs list` is `list` of the group `jobs`.
    """

    after: tuple[str, ...] = ()
    install: Callable[[Database], None] | None = None
    lifespan: Callable[[State], AbstractAsyncContextManager[None]] | None = None
    middleware: Callable[[ASGIApp], ASGIApp] | None = None
    prune_rules: Callable[[Settings], Iterable[PruneRule]] | None = None
    commands: Mapping[str, Command] = field(default_factory=dict)


def in_start_order(hooks: Mapping[str, ModuleHooks], modules: Iterable[str]) -> list[ModuleHooks]:
    """`hooks` (by module) with every module behind those it needs. Raises BadModuleOrder.

    Modules that do not depend on each other come in the order of their names, whatever the order of `hooks`.
    """
    known = set(modules)
    for name, declared in sorted(hooks.items()):
        if unknown := sorted(set(declared.after) - known):
            raise BadModuleOrder(f"module {name} must start after {unknown[0]}, which does not exist")
    sorter = TopologicalSorter({name: hooks[name].after for name in sorted(hooks)})
    order: list[ModuleHooks] = []
    try:
        sorter.prepare()
    except CycleError as error:
        raise BadModuleOrder(f"modules need each other to start first: {' -> '.join(error.args[1])}") from error
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order += [hooks[name] for name in ready if name in hooks]
        sorter.done(*ready)
    return order
