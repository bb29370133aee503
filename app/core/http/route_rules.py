"""The rules of routes: what the guard of each asks of a caller, as the audit log names what admitted one."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from fastapi.routing import RouteContext

from app.core.http.guards import Guard, Public, RequiresPermission, SignedByService
from app.core.http.route import Route

PUBLIC, INTERNAL, SIGNED_IN = "public", "internal", "signed-in"


def calls_by_rule(routes: Iterable[RouteContext]) -> Mapping[str, frozenset[str]]:
    """By rule, its calls: a method, and the path of a route with its parameters in braces."""
    found: dict[str, set[str]] = defaultdict(set)
    for route in routes:
        original = route.original_route
        if isinstance(original, Route):
            calls = (f"{method} {route.path_format}" for method in with_head(route.methods or ()))
            found[rule_of(original.guard)].update(calls)
    return {rule: frozenset(calls) for rule, calls in found.items()}


def with_head(methods: Iterable[str]) -> set[str]:
    """The methods, and HEAD where there is a GET, which answers it."""
    every = set(methods)
    return every | {"HEAD"} if "GET" in every else every


def rule_of(guard: Guard) -> str:
    """What a guard asks: nothing (`public`), a signature (`internal`), to be signed in, or one of its permissions."""
    if isinstance(guard, RequiresPermission):
        return " or ".join(guard.permissions)
    if isinstance(guard, Public):
        return PUBLIC
    return INTERNAL if isinstance(guard, SignedByService) else SIGNED_IN
