"""Roles, grants, assignments, modules and groups: the policy itself."""

from app.modules.roles.assignments.schemas import AssignmentRead, Assignments
from app.modules.roles.assignments.service import AssignmentService
from app.modules.roles.evaluation.conditions import (
    Condition,
    admit_address,
    conditions_in,
    conditions_of,
    current_conditions,
    require_second_factor,
    select_conditions,
)
from app.modules.roles.evaluation.held_permissions import (
    NOTHING,
    HeldPermissions,
    held_by,
    held_by_user,
    held_permissions,
    inactive_links,
    next_change,
    permissions_of_paths,
)
from app.modules.roles.evaluation.refusals import CannotGrant, LastSuperuser, LocksCallerOut, TargetHasMorePermissions
from app.modules.roles.evaluation.spans import ALWAYS, Spans, describe_terms, is_within, time_before
from app.modules.roles.models import (
    ACTIONS,
    WHOLE_ROW,
    Module,
    ModuleGroup,
    Role,
    RoleModule,
    UserRole,
    granted_permissions,
    permissions_of_module,
)
from app.modules.roles.modules.repository import ModuleRepository
from app.modules.roles.modules.service import ModuleService
from app.modules.roles.repository import (
    GRANT_COLUMNS,
    GRANT_PATH_COLUMNS,
    MODULE_COLUMNS,
    USER_COLUMNS,
    GrantPath,
    HolderRepository,
    grant_paths,
    grant_paths_in,
    users_with_grant_paths,
)
from app.modules.roles.schemas import Flags, HolderQuery, RoleCreate
from app.modules.roles.service import RoleService

__all__ = [
    "ACTIONS",
    "ALWAYS",
    "GRANT_COLUMNS",
    "GRANT_PATH_COLUMNS",
    "MODULE_COLUMNS",
    "NOTHING",
    "USER_COLUMNS",
    "WHOLE_ROW",
    "AssignmentRead",
    "AssignmentService",
    "Assignments",
    "CannotGrant",
    "Condition",
    "Flags",
    "GrantPath",
    "HeldPermissions",
    "HolderQuery",
    "HolderRepository",
    "LastSuperuser",
    "LocksCallerOut",
    "Module",
    "ModuleGroup",
    "ModuleRepository",
    "ModuleService",
    "Role",
    "RoleCreate",
    "RoleModule",
    "RoleService",
    "Spans",
    "TargetHasMorePermissions",
    "UserRole",
    "admit_address",
    "conditions_in",
    "conditions_of",
    "current_conditions",
    "describe_terms",
    "grant_paths",
    "grant_paths_in",
    "granted_permissions",
    "held_by",
    "held_by_user",
    "held_permissions",
    "inactive_links",
    "is_within",
    "next_change",
    "permissions_of_module",
    "permissions_of_paths",
    "require_second_factor",
    "select_conditions",
    "time_before",
    "users_with_grant_paths",
]
