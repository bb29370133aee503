"""The errors of refused changes of the policy."""

from app.core.errors import Conflict, Forbidden


class CannotGrant(Forbidden):
    """The change would give a permission that the caller does not hold."""

    code = "cannot-grant"


class TargetHasMorePermissions(Forbidden):
    """The change acts on a user who holds what the caller lacks, or takes away what the caller does not hold."""

    code = "target-has-more-permissions"


class LastSuperuser(Conflict):
    """No active superuser would be left to administer the product."""

    code = "last-superuser"
