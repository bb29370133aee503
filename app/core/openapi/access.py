"""What an operation asks of its caller: `x-access`. A screen knows by it what to offer, without trying, and why not.

It follows from the guard. `anyOf` has lists of permissions, and all of one list are needed. `byParameter` and
`byMember` name those that a value of a query parameter, or a member of the body, needs besides.
"""

from typing import Any

from app.core.http.guards import Authenticated, Public, RequiresInSomeModule, RequiresPermission, SignedByService
from app.core.http.route import Route
from app.core.openapi.responses import changes_policy, may_wait
from app.core.resources.bulk import BulkRoute

Json = dict[str, Any]


def access_of(route: Route, operation: Json) -> Json:
    """The extension of an operation, without what it does not ask."""
    asked = {
        "caller": caller_of(route),
        **permissions_of(route, operation),
        **conditions_of(route),
        "changesPolicy": changes_policy(route),
        "mayNeedApproval": may_wait(route),
        "needsReason": route.requires_reason,
    }
    return {name: value for name, value in asked.items() if value}


def caller_of(route: Route) -> str:
    """Who may call: `anyone`, `service`, or `authenticated` callers."""
    if isinstance(route.guard, Public):
        return "anyone"
    return "service" if isinstance(route.guard, SignedByService) else "authenticated"


def permissions_of(route: Route, operation: Json) -> Json:
    """The permissions that are needed."""
    guard = route.guard
    if not isinstance(guard, RequiresPermission):
        return {}
    parameters = {parameter["name"] for parameter in operation.get("parameters", ())}
    return {
        "anyOf": guard.alternatives,
        "inSomeModule": guard.action if isinstance(guard, RequiresInSomeModule) else None,
        "byParameter": {name: values for name, values in guard.by_parameter.items() if name in parameters},
        "byMember": route.by_member if isinstance(route, BulkRoute) else None,
    }


def conditions_of(route: Route) -> Json:
    """What is asked besides permissions: a session, nothing that must be set first, or the second factor again."""
    guard = route.guard
    if not isinstance(guard, Authenticated):
        return {}
    return {
        "sessionOnly": guard.session_only,
        "allowsRestricted": guard.allow_restricted,
        "mayStepUp": guard.may_step_up or changes_policy(route),
    }
