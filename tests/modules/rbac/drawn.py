"""What administrators send, as Hypothesis draws it: from what the modules declare."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from app.core.clock import now
from app.core.runtime.module_info import STANDARD_ACTIONS, ModuleInfo
from app.modules import routers
from tests.modules.rbac.administrators import Company

SLUGS = ("tasks", "users", "roles", "audit", "products", "customers", "approvals")


def declared() -> dict[str, ModuleInfo]:
    """The modules of `SLUGS`, with the scopes of their rows."""
    return {router.module.slug: router.module for router in routers() if router.module and router.module.slug in SLUGS}


MODULES = declared()
flags = st.fixed_dictionaries({f"can_{action}": st.booleans() for action in ("create", "update", "delete", "audit")})
matrices = st.lists(
    st.sampled_from(SLUGS).flatmap(lambda slug: grants(MODULES[slug])),
    max_size=3,
    unique_by=lambda grant: grant["module_slug"],
)
days = st.sampled_from([None, None, -1, 1, 3])
terms = st.tuples(days, days).map(lambda drawn: lambda: window(*drawn))
dry = st.sampled_from([False, False, False, True])
words = st.sampled_from(["approve", "approve", "approve", "reject", "withdraw"])
names = st.sampled_from([(m.slug, name) for m in MODULES.values() for name in (*m.actions, *m.scopes)])
permissions = st.sampled_from(
    [
        f"{module.slug}:{action}{scope}"
        for module in MODULES.values()
        for action in (*STANDARD_ACTIONS, *module.actions)
        for scope in ("", *(f"@{name}" for name in module.scopes))
    ]
)
scopes = st.one_of(st.just(()), st.lists(permissions, min_size=1, max_size=3, unique=True))
"""The scopes of a key; none stand for everything that its owner holds."""


def grants(module: ModuleInfo) -> st.SearchStrategy[dict[str, Any]]:
    """A grant as a request has it."""
    own = st.lists(st.sampled_from([*module.actions]), unique=True) if module.actions else st.just([])
    scope = st.sampled_from(["all", "all", *module.scopes])
    return st.tuples(flags, own, scope).map(
        lambda drawn: {"module_slug": module.slug, **drawn[0], "actions": drawn[1], "scope": drawn[2]}
    )


def edits(roles: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(roles, matrices, min_size=1, max_size=3)


def window(begins: int | None, ends: int | None) -> dict[str, Any]:
    return {"valid_from": instant(begins), "valid_until": instant(ends)}


def instant(day: int | None) -> str | None:
    return (now() + timedelta(days=day)).isoformat() if day is not None else None


Request = tuple[str, str, dict[str, Any]]


def write_products(price: str, name: str) -> list[Callable[[Company], Request]]:
    """Every way to change the price or the name of a product."""
    values = {"price": price} if price else {"name": name}

    def of(company: Company) -> dict[str, Any]:
        return {"id": company.goods["/products"].rpartition("/")[2]}

    return [
        lambda c: ("PATCH", c.goods["/products"], {"json": values}),
        lambda c: ("POST", "/products/bulk", {"json": {"update": [{**of(c), "changes": values}]}}),
        lambda c: ("POST", "/products/import", {"lines": {**of(c), **values}, "mode": "update"}),
        lambda c: ("POST", f"{c.goods['/products']}/revert", {"json": {"at": c.priced_at}}),
        lambda _: ("POST", "/products", {"json": {"sku": name, "name": name, "price": "1.00", "currency": "EUR"}}),
        lambda c: ("POST", f"{c.goods['/products']}/stock-movements", {"json": {"delta": 1, "reason": "Came"}}),
    ]


def read_rows(module: str) -> list[Callable[[Company], Request]]:
    """Ways to read what is in a module."""
    path = f"/{module}"
    return [
        lambda _: ("GET", path, {}),
        lambda _: ("GET", path, {"format": "ndjson"}),
        lambda _: ("GET", path, {"sort": "-created_at", "total": "exact"}),
        lambda c: ("GET", c.goods[path], {}),
        lambda c: ("GET", f"{c.goods[path]}/history", {}),
        lambda c: ("PATCH", c.goods[path], {"json": {"status": "active" if module == "customers" else "done"}}),
        lambda _: ("GET", "/audit/changes", {"entity": module.removesuffix("s")}),
    ]


requests = st.one_of(
    st.tuples(st.sampled_from(["", "1.00", "2.50"]), st.sampled_from(["Bulb", "Candle"])).flatmap(
        lambda drawn: st.sampled_from(write_products(*drawn))
    ),
    st.sampled_from([*read_rows("customers"), *read_rows("tasks")]),
)
"""What the actors do with the goods."""
