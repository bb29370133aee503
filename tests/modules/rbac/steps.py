"""What one step of an administrator must not do, by the tables before and after it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any
from uuid import UUID

import httpx

from app.core.clock import now
from tests.modules.rbac.oracle import holds
from tests.modules.rbac.snapshots import Robot, Snapshot, instants, within
from tests.people import Person

RELIED_ON = ("name", "description", "requires_second_factor", "allowed_networks")
POWERS = {
    "role": ("roles:create", "roles:update", "roles:delete"),
    "link": ("users:update", "roles:update"),
    "grant": ("roles:update",),
    "module": ("roles:update",),
    "group": ("roles:update",),
}
"""By table of the policy, the permissions of which one is needed to change it."""
READ_BY = {
    **{slug: slug for slug in ("tasks", "products", "customers", "users", "roles")},
    "modules": "roles",
    "module-groups": "roles",
}
"""By the first part of a path, the module that must be readable."""
WRITING = {"price": "products:set-price", "currency": "products:set-price", "stock": "products:move-stock"}
"""The permissions to change columns of products; the others need to update products."""
SECRET_CUSTOMER, SECRET_TASK = "Quintessa", "Marmalade"
"""A name that only those may read who read personal data, and the title of a task that the superuser created."""


@dataclass(frozen=True)
class Step:
    """A request of an actor, its answer, and the tables before and after it."""

    actor: Person
    name: str
    is_dry_run: bool
    rules: tuple[str, ...]
    """What needs the approval of a second person."""
    began: datetime
    before: Snapshot
    after: Snapshot
    answer: httpx.Response

    @cached_property
    def held(self) -> frozenset[str]:
        return self.before.held_by(self.actor)

    @cached_property
    def changes_policy(self) -> bool:
        return self.before.policy != self.after.policy

    @cached_property
    def approved(self) -> Any:
        """The change that was approved in this step."""
        changed = [row for key, row in self.after.approvals.items() if row != self.before.approvals.get(key)]
        return next((row for row in changed if row.state == "approved"), None)

    @cached_property
    def responsible(self) -> list[frozenset[str]]:
        """What those hold who make the change: the actor, and who asked for what the actor approves."""
        asked = [self.before.at(self.approved.requester_id, self.began)] if self.approved is not None else []
        return [self.held, *asked]

    @cached_property
    def gains(self) -> list[tuple[datetime, bool, frozenset[str]]]:
        """What users gain at each instant: that, and what they gain once the code declares again what it did."""
        found = []
        for at in instants() if self.changes_policy else []:
            for every in (False, True):
                for user_id in self.after.credentials:
                    known = self.before.at(user_id, at, all_declared=every)
                    if gained := self.after.at(user_id, at, all_declared=every) - known:
                        found.append((at, every, gained))
        return found


class Escalation(AssertionError):
    """A step did what its actor may not."""


@contextmanager
def escalations() -> Iterator[None]:
    """Let what is asserted in the block be told from what a test asserts on its way."""
    try:
        yield
    except AssertionError as error:
        raise Escalation(str(error)) from error


def check_answer(step: Step) -> None:
    assert step.answer.status_code < 500, step.answer.text
    assert not (step.answer.is_success and step.before.is_blocked(step.actor)), "a condition of a role was forgotten"
    if step.is_dry_run or not step.answer.is_success or step.answer.status_code == 202:
        # a password is counted, and an approved change that cannot be made fails, whatever the answer
        assert not step.changes_policy, "a dry run, a refusal or a change that waits changes nothing"


def for_all(held: frozenset[str], permission: str) -> bool:
    """Whether a permission is held for all rows."""
    return bool({"*", permission} & held)


def check_gate(step: Step) -> None:
    """A module answers those only who may read it, and questions about personal data those only who may read them."""
    _, _, path = step.name.partition(" /")
    slug = READ_BY.get(path.partition("/")[0])
    if step.answer.is_success and slug is not None:
        assert holds(step.held, f"{slug}:read"), f"{step.name} without {slug}:read"
        if slug == "customers" and "email" in str(step.answer.request.url.query):
            reads_all = for_all(step.held, "customers:read")
            personal = for_all if reads_all else holds
            assert personal(step.held, "customers:read-personal"), "asked by personal data"


def check_gains(step: Step) -> None:
    """No user gains what the actor does not hold, now or at that time."""
    assert step.after.superusers == step.before.superusers, "only superusers make and unmake superusers"
    for at, every, gained in step.gains:
        lent = step.before.held_by(step.actor, all_declared=every)
        beyond = gained - (lent & step.before.held_by(step.actor, at, all_declared=every))
        assert not beyond, f"{step.name} gave {sorted(beyond)} at {at}"


def check_powers(step: Step) -> None:
    """Each table of the policy is changed by those only who may change it."""
    for table, needed in POWERS.items():
        if step.before.policy[table] != step.after.policy[table]:
            for held in step.responsible:
                assert any(name in held for name in needed), f"{step.name} changed {table} without {needed}"


def check_credentials(step: Step) -> None:
    """No actor acts on the account of a user who holds more."""
    for user_id, known in step.before.credentials.items():
        is_self = user_id == step.actor.id and not isinstance(step.actor, Robot)
        if is_self or step.after.credentials[user_id] == known:
            continue
        is_above = user_id in step.before.superusers or not step.before.ever(user_id) <= step.held
        assert not is_above, "administered a user who holds more"


def check_names(step: Step) -> None:
    """No actor renames a role that grants more than the actor holds, or changes its conditions."""
    known = {row.id: row for row in step.before.oracle.tables["role"]}
    for role in step.after.oracle.tables["role"] if step.changes_policy else ():
        if role.id in known and any(getattr(role, name) != getattr(known[role.id], name) for name in RELIED_ON):
            granted = step.before.oracle.granted(role.id)
            held = step.before.held_by(step.actor, all_declared=True)
            assert granted <= held, f"renamed what grants {sorted(granted - held)}, or changed its conditions"


def check_waiting(step: Step) -> None:
    """What needs the approval of a second person does not happen without."""
    if step.approved is not None:
        return
    grants = [rule.removeprefix("grant:") for rule in step.rules if rule.startswith("grant:")]
    for _, _, gained in step.gains:
        named = {name for name in gained for rule in grants if fnmatchcase(name.partition("@")[0], rule)}
        assert not named, f"{step.name} gave {sorted(named)} without approval"
    if "rollback" in step.rules and step.name.endswith("/rollback"):
        assert not step.changes_policy, "rolled back without approval"


def check_decisions(step: Step) -> None:
    """What waits is decided once, in time, by another person who may do it; withdrawn by who asked for it."""
    before, after = step.before.approvals, step.after.approvals
    new = [row for key, row in after.items() if key not in before]
    changed = [(known, after[key]) for key, known in before.items() if after[key] != known]
    assert len(new) == (step.answer.status_code == 202 and not step.is_dry_run)
    assert len(new) + len(changed) <= 1
    for row in new:
        assert (row.requester_id, row.state, row.decided_by_id) == (step.actor.id, "pending", None)
    for known, row in changed:
        assert (known.state, known.expires_at > step.began) == ("pending", True), "decided what did not wait"
        assert (row.requester_id, row.content) == (known.requester_id, None)
        assert row.decided_by_id == step.actor.id
        is_own = step.actor.id == row.requester_id
        assert is_own == (row.state == "withdrawn"), "decided about one's own request"
        if not is_own:
            assert "approvals:update" in step.held
            assert not isinstance(step.actor, Robot), "a key is no second person"
    if step.approved is not None:
        requester = step.before.at(step.approved.requester_id, now(), all_declared=True)
        beyond = [name for _, _, gained in step.gains for name in gained - requester]
        assert not beyond, f"approved what the requester does not hold: {sorted(set(beyond))}"


def check_fields(step: Step) -> None:
    """A column of a product changes by those only who may write it; created products have a price."""
    known = step.before.goods["product"]
    for key, row in step.after.goods["product"].items():
        needed = {"products:read"}
        if key not in known:
            needed |= {"products:create", "products:set-price"}
        elif row != known[key]:
            columns = ("price", "currency", "stock", "name", "description", "status")
            changed = [name for name in columns if getattr(row, name) != getattr(known[key], name)]
            needed |= {WRITING.get(name, "products:update") for name in changed}
        else:
            continue
        held = for_all if row.brand_id is None else holds
        assert all(held(step.held, name) for name in needed), f"wrote a product without {sorted(needed)}"


def check_rows(step: Step) -> None:
    """What an answer tells, the actor may read: by the module, for all rows or as its own, or by the audit log.

    What changes, the actor may change, for all rows or as its own.
    """
    held, text = step.held, step.answer.text
    if SECRET_CUSTOMER in text:
        assert for_all(held, "customers:read-personal"), "told personal data of a customer of the superuser's"
        assert tells(step, "customers", ()), "told of a row outside"
    if SECRET_TASK in text:
        (task,) = [row for row in step.before.goods["task"].values() if row.title == SECRET_TASK]
        assert tells(step, "tasks", (task.created_by_id, task.assignee_id)), "told of a row outside"

    for key, row in step.before.goods["task"].items():
        if step.after.goods["task"].get(key) != row:
            is_own = step.actor.id in (row.created_by_id, row.assignee_id)
            needed = {"tasks:update", "tasks:delete", *(("tasks:update@own", "tasks:delete@own") if is_own else ())}
            assert needed & step.held, "changed a task outside"


def tells(step: Step, slug: str, owners: tuple[UUID | None, ...]) -> bool:
    """Whether the actor may learn of a row with these owners, in the module or from the audit log."""
    is_own = step.actor.id in owners and f"{slug}:read@own" in step.held
    return is_own or any(name in step.held for name in (f"{slug}:read", f"{slug}:audit", "audit:read"))


def check_term_of_key(step: Step) -> None:
    """A key of another user must not hold permissions after the actor who made it, and may know it, lost them."""
    made = step.answer.json() if step.answer.status_code == 201 else {}
    if "key" not in made or (made["user_id"] == str(step.actor.id) and not isinstance(step.actor, Robot)):
        return
    for at in instants():
        if made["expires_at"] is None or datetime.fromisoformat(made["expires_at"]) > at:
            opened = within(frozenset(made["scopes"]), step.before.at(UUID(made["user_id"]), at))
            beyond = opened - step.before.held_by(step.actor, at)
            assert not beyond, f"the key holds {sorted(beyond)} at {at}"


CHECKS: tuple[Callable[[Step], None], ...] = (
    check_answer,
    check_gate,
    check_gains,
    check_powers,
    check_credentials,
    check_names,
    check_waiting,
    check_decisions,
    check_fields,
    check_rows,
    check_term_of_key,
)
