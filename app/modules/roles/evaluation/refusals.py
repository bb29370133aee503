"""The errors of refused changes of the policy."""

from app.core.errors import Conflict, Forbidden


class CannotGrant(Forbidden):
    """The change would give a permission that the caller does not hold."""

    code = "cannot-grant"
    remedy = "Leave out what you do not hold yourself, or ask a caller who holds it."


class TargetHasMorePermissions(Forbidden):
    """The change acts on a user who holds what the caller lacks, or takes away what the caller does not hold."""

    code = "target-has-more-permissions"
    remedy = "Ask a caller who holds at least what that user holds."


class LocksCallerOut(Conflict):
    """The change would refuse the caller's own next request, because of the address from which it is sent."""

    code = "locks-you-out"
    remedy = "Include your own address in the networks, or ask a user who does not have the role."


class LastSuperuser(Conflict):
    """No active superuser would be left to administer the product."""

    code = "last-superuser"
    remedy = "Make another user a superuser first."
