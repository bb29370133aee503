"""What a change of the policy gives and takes, for its record, and permissions in words."""

from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from app.core.context import EVERYTHING, in_short
from app.core.db.session import AnyRow
from app.modules.roles import ALWAYS, HeldPermissions

EFFECTS = "policy_effects"
"""Where the information of a session has its `Effects`, from the policy guard's check on."""

GRANT = "grant:"
"""How a rule of the settings begins that is about grants of permissions."""


class Effects(NamedTuple):
    """What one transaction changes in the policy."""

    on_users: list[dict[str, Any]]
    """What users gain and lose now."""
    gained: frozenset[str]
    """The permissions that a user or role gains, now or later."""
    lost: frozenset[str]
    """Those that one loses."""


def effect_on(row: AnyRow, before: HeldPermissions, after: HeldPermissions) -> dict[str, Any] | None:
    """The permissions that the user in `row` gains and loses now, and until when; None if there are none."""
    gained, lost = in_short(after.effective - before.effective), in_short(before.effective - after.effective)
    if not gained and not lost:
        return None
    ends = {name: after.active_spans[name][0][1] for name in gained}
    until = {name: end.isoformat().replace("+00:00", "Z") for name, end in ends.items() if end != ALWAYS[1]}
    return {"user_id": str(row.id), "username": row.username, "gained": gained, "lost": lost, "until": until}


def find_named(rule: str, gained: Iterable[str]) -> list[str]:
    """The permissions of `gained` that a rule about grants names. Who gains everything gains what it names."""
    pattern = rule.removeprefix(GRANT)
    return [name for name in gained if name == EVERYTHING or fnmatchcase(name.partition("@")[0], pattern)]


def without_name(effect: Mapping[str, Any]) -> dict[str, Any]:
    """`effect` as a version keeps it: whose name it was is found by the id, as long as there is a name."""
    return {key: value for key, value in effect.items() if key != "username"}


def describe(permissions: Collection[str]) -> str:
    """Permissions in the words of an error."""
    names = in_short(permissions)
    return ", ".join("everything, as a superuser does" if name == EVERYTHING else name for name in names)
