"""The modules. A folder here is a module; nothing else registers it. A process looks for each part of them once."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from types import ModuleType

from app.core.config import Settings
from app.core.db.pruning import PruneRule, hidden_rows
from app.core.http.module_hooks import ModuleHooks, in_start_order
from app.core.http.router import Router


@cache
def names() -> Sequence[str]:
    """The names of all modules."""
    return tuple(sorted(module.name for module in iter_modules(__path__)))


@cache
def discover(part: str) -> Sequence[tuple[str, ModuleType]]:
    """Import `part` (say `models` or `hooks`) of every module that has one. Pairs of (module, part)."""
    paths = {name: f"{__name__}.{name}.{part}" for name in names()}
    return tuple((name, import_module(path)) for name, path in paths.items() if find_spec(path))


@cache
def import_models() -> None:
    """Make every table known to SQLAlchemy: the `models` of all modules, and of their sub-packages."""
    for name in names():
        package = import_module(f"{__name__}.{name}")
        parts = [part.name for part in iter_modules(package.__path__) if part.ispkg]
        for part in ("models", *(f"{part}.models" for part in parts)):
            path = f"{package.__name__}.{part}"
            if find_spec(path):
                import_module(path)


def import_jobs() -> None:
    """Make every kind of job known: the `jobs` of all modules."""
    discover("jobs")


def routers() -> Iterator[Router]:
    """The routers of all modules: `ROUTERS` of their `router.py`, or its `router`."""
    for _, part in discover("router"):
        yield from getattr(part, "ROUTERS", (part.router,))


def prune_rules(settings: Settings) -> list[PruneRule]:
    """What all modules prune, and hidden rows."""
    import_models()
    rules = hidden_rows(timedelta(days=settings.retention.hidden_days))
    for module in hooks():
        rules += module.prune_rules(settings) if module.prune_rules else ()
    return rules


def hooks() -> list[ModuleHooks]:
    """The hooks of all modules, each behind those that it must start after. Raises BadModuleOrder."""
    return in_start_order({name: part.HOOKS for name, part in discover("hooks")}, names())
