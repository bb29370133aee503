"""Which changes need approval, by the rules in the settings, and that of the requester when one is made."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from app.core.context import EVERYTHING, Principal
from app.core.db.session import Session
from app.core.errors import Conflict
from app.core.runtime.module_info import STANDARD_ACTIONS, ModuleInfo
from app.modules.rbac import EFFECTS, GRANT, Effects, find_named

ERASES = "erases"
"""Where the information of a session says that it erases a person."""
APPROVED = "approved"
"""Where the information of a session has the `Approved` change that it makes."""


class UnknownRule(RuntimeError):
    """A rule names a permission that no module has, so that it would hold nothing back."""


class RequesterMayNot(Conflict):
    """The requester of the change may no longer make it."""

    code = "requester-may-not"
    remedy = "Nothing was changed. Those who may make the change can ask for it themselves."


@dataclass(frozen=True)
class Approved:
    """A change that is approved, while it is made."""

    id: UUID
    requester: Principal
    """The requester, with what that user holds before the change."""

    def check(self, effects: Effects | None) -> None:
        """Raise RequesterMayNot for effects beyond what the requester holds."""
        beyond = (effects.gained | effects.lost) - self.requester.permissions if effects else frozenset()
        if beyond and not self.requester.may(EVERYTHING):
            raise RequesterMayNot(f"Who asked for this does not hold {', '.join(sorted(beyond))} any more.")


def needs_of(session: Session, rules: Iterable[str]) -> list[str]:
    """What of the changes in `session` needs approval by `rules`, each as a rule names it."""
    effects: Effects | None = session.info.get(EFFECTS)
    gained = effects.gained if effects else frozenset()
    found = {f"{GRANT}{name}" for rule in rules if rule.startswith(GRANT) for name in find_named(rule, gained)}
    if effects is not None and session.context.restores is not None:
        found.add("rollback")
    if session.info.get(ERASES):
        found.add("erasure")
    return sorted(name for name in found if name.startswith(GRANT) or name in rules)


def check_rules(rules: Iterable[str], modules: Iterable[ModuleInfo]) -> None:
    """Raise UnknownRule for a rule about grants that names no permission of `modules`."""
    known = [f"{module.slug}:{action}" for module in modules for action in (*STANDARD_ACTIONS, *module.actions)]
    for rule in rules:
        if rule.startswith(GRANT) and not find_named(rule, known):
            raise UnknownRule(f"APPROVALS__REQUIRED_FOR: {rule} names no permission")
