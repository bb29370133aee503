"""The evaluation, the explanation and an independent oracle agree on random policies."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import product
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

from fastapi import Request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.context import Principal, RequestContext
from app.core.db.field_access import FieldAccess
from app.core.db.field_rules import FieldRules
from app.core.errors import Forbidden
from app.core.http.guards import RequiresPermission
from app.modules.approvals.waiting.needs import Approved, RequesterMayNot
from app.modules.rbac import Effects
from app.modules.rbac.engine.effects import find_named
from app.modules.rbac.service import explanation
from app.modules.roles import GrantPath, held_permissions
from app.modules.roles.models import Declared

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
SLUGS = ("tasks", "products", "audit")
ACTIONS = ("create", "read", "update", "delete", "audit", "approve", "ship")
SCOPES = ("all", "own", "team")
EXAMPLES = 1_000


@dataclass
class World:
    """One user and the tables around them."""

    user: dict[str, Any]
    roles: list[dict[str, Any]]
    links: list[dict[str, Any]]
    grants: list[dict[str, Any]]
    modules: dict[str, dict[str, Any]] = field(default_factory=dict)


OPTIONAL = ("approve", "ship", "own", "team")
"""The actions and scopes that the code of a module may have stopped to declare."""

instants = st.sampled_from([None, AT - timedelta(days=1), AT - timedelta(microseconds=1), AT, AT + timedelta(days=1)])
mostly = st.sampled_from([True, True, True, False])
deleted = st.sampled_from([None, None, None, AT - timedelta(days=3)])
users = st.fixed_dictionaries(
    {"is_superuser": st.sampled_from([False, False, False, True]), "is_active": mostly, "deleted_at": deleted}
)
roles = st.lists(st.fixed_dictionaries({"is_active": mostly, "deleted_at": deleted}), min_size=1, max_size=4)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    made = draw(roles)
    links = draw(
        st.lists(
            st.fixed_dictionaries(
                {
                    "role": st.integers(0, len(made) - 1),
                    "is_active": mostly,
                    "valid_from": instants,
                    "valid_until": instants,
                }
            ),
            max_size=4,
            unique_by=lambda link: link["role"],
        )
    )
    flags = {f"can_{action}": st.booleans() for action in ("create", "update", "delete", "audit")}
    own = {
        "actions": st.lists(st.sampled_from(["approve", "ship"]), unique=True),
        "scope": st.sampled_from(["all", "all", *SCOPES]),
    }
    grants = draw(
        st.lists(
            st.fixed_dictionaries(
                {
                    "role": st.integers(0, len(made) - 1),
                    "slug": st.sampled_from(SLUGS),
                    "is_active": mostly,
                    **flags,
                    **own,
                }
            ),
            max_size=8,
            unique_by=lambda grant: (grant["role"], grant["slug"]),
        )
    )
    states = {"is_active": mostly, "group_active": mostly, "declared": st.sets(st.sampled_from(OPTIONAL))}
    modules = {slug: draw(st.fixed_dictionaries(states)) for slug in SLUGS}
    return World(draw(users), made, links, grants, modules)


def oracle(world: World, slug: str, action: str, scope: str = "all") -> bool:
    """Whether the user may do it to all rows of a scope, written from the specification and not from the code."""
    if not world.user["is_active"] or world.user["deleted_at"]:
        return False
    if world.user["is_superuser"]:
        return True
    for link in world.links:
        role = world.roles[link["role"]]
        begun = link["valid_from"] is None or link["valid_from"] <= AT
        over = link["valid_until"] is not None and link["valid_until"] <= AT
        if not link["is_active"] or not begun or over or not role["is_active"] or role["deleted_at"]:
            continue
        for grant in world.grants:
            module = world.modules[grant["slug"]]
            if grant["role"] != link["role"] or grant["slug"] != slug or not grant["is_active"]:
                continue
            if not module["is_active"] or not module["group_active"] or grant["scope"] not in ("all", scope):
                continue
            if {grant["scope"]} - {"all"} - module["declared"]:
                continue
            if action == "read" or grant.get(f"can_{action}") or action in module["declared"] & {*grant["actions"]}:
                return True
    return False


def declared(module: dict[str, Any], *names: str) -> list[Declared]:
    return [{"name": name, "title": name, "is_active": name in module["declared"]} for name in names]


def chains_of(world: World, user_id: UUID) -> list[GrantPath]:
    """The rows as the query of the repository joins them."""
    return [
        GrantPath(
            user_id=user_id,
            assignment_active=link["is_active"],
            valid_from=link["valid_from"],
            valid_until=link["valid_until"],
            role_id=uuid4(),
            role_name=f"role {link['role']}",
            role_active=world.roles[link["role"]]["is_active"],
            role_deleted_at=world.roles[link["role"]]["deleted_at"],
            grant_active=grant["is_active"],
            can_create=grant["can_create"],
            can_update=grant["can_update"],
            can_delete=grant["can_delete"],
            can_audit=grant["can_audit"],
            actions=grant["actions"],
            scope=grant["scope"],
            slug=grant["slug"],
            module_actions=declared(world.modules[grant["slug"]], "approve", "ship"),
            module_scopes=declared(world.modules[grant["slug"]], "own", "team"),
            module_active=world.modules[grant["slug"]]["is_active"],
            group_active=world.modules[grant["slug"]]["group_active"],
        )
        for link, grant in product(world.links, world.grants)
        if link["role"] == grant["role"]
    ]


RULES = FieldRules(
    {"products:approve": frozenset({"phone"})}, {"price": "products:ship", "phone": "tasks:update"}, ("price", "phone")
)
"""A field that an action shows, and two that actions write."""
REQUEST = Request({"type": "http", "query_string": b""})
asked = {"count": 0, "yes": 0}


def is_admitted(check: Callable[[], object]) -> bool:
    try:
        check()
    except (Forbidden, RequesterMayNot):
        return False
    return True


def gate_answers(world: World, held: frozenset[str]) -> Iterator[tuple[bool, bool]]:
    """What guards, fields and approvals answer to who holds this, each with what the specification says."""

    def holds(permission: str) -> bool:
        slug, _, action = permission.partition(":")
        return any(oracle(world, slug, action, scope) for scope in SCOPES)

    caller = Principal(uuid4(), "user", held, AT)
    fields = FieldAccess(RULES, RequestContext(principal=caller))
    yield "phone" not in fields.mask.columns, holds("products:approve")
    for name, permission in RULES.write.items():
        yield is_admitted(partial(fields.check_writing, [name])), holds(permission)
    for slug, action in product(SLUGS, ACTIONS):
        guard = RequiresPermission(f"{slug}:{action}")
        truth = holds(f"{slug}:{action}") and holds(f"{slug}:read")
        yield is_admitted(partial(guard.check_permissions, caller, REQUEST)), truth
        gained = Effects([], frozenset({f"{slug}:{action}"}), frozenset())
        yield is_admitted(partial(Approved(uuid4(), caller).check, gained)), oracle(world, slug, action)
        yield bool(find_named("grant:products:*", gained.gained)), slug == "products"


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(worlds())
def check_world(world: World) -> None:
    row: Any = SimpleNamespace(id=uuid4(), username="user", **world.user)
    chains = chains_of(world, row.id)
    is_enabled = world.user["is_active"] and not world.user["deleted_at"]
    held = held_permissions(chains, AT, is_superuser=world.user["is_superuser"], is_enabled=is_enabled).effective
    for slug, action in product(SLUGS, ACTIONS):
        told = explanation(row, chains, f"{slug}:{action}", AT, 1)
        truths = {scope: oracle(world, slug, action, scope) for scope in SCOPES}
        everywhere = truths["all"]
        assert told.scopes == (["all"] if everywhere else sorted(scope for scope, truth in truths.items() if truth))
        assert told.allowed == bool(told.reasons) == any(truths.values()), "only an allowed permission has reasons"
        assert all(not miss.active and miss.obstacles for miss in told.near_misses)
        for scope, truth in truths.items():
            permission = f"{slug}:{action}" if scope == "all" else f"{slug}:{action}@{scope}"
            assert ("*" in held or permission in held) == truth, permission
            count(truth)
    for answer, truth in gate_answers(world, held):
        assert answer == truth
        count(truth)


def count(truth: bool) -> None:  # computed
    asked["count"] += 1
    asked["yes"] += truth


def test_engine_explanation_and_oracle_agree() -> None:
    check_world()

    print(f"{asked['count']} questions, {asked['yes']} answered yes")  # noqa: T201  # the evidence, with -s
    assert asked["count"] >= 120_000
    assert 0.05 < asked["yes"] / asked["count"] < 0.95, "questions with one answer only prove nothing"


def test_the_oracle_finds_a_planted_defect() -> None:
    """An evaluation that ignores the group of a module would be found: this world tells them apart."""
    world = World(
        user={"is_superuser": False, "is_active": True, "deleted_at": None},
        roles=[{"is_active": True, "deleted_at": None}],
        links=[{"role": 0, "is_active": True, "valid_from": None, "valid_until": None}],
        grants=[
            {
                "role": 0,
                "slug": "tasks",
                "is_active": True,
                "can_create": 1,
                "can_update": 0,
                "can_delete": 0,
                "can_audit": 0,
                "actions": [],
                "scope": "all",
            },
        ],
        modules={slug: {"is_active": True, "group_active": False, "declared": set()} for slug in SLUGS},
    )
    careless = [chain for chain in chains_of(world, uuid4()) if chain.module_active]

    assert careless
    assert not oracle(world, "tasks", "create")
