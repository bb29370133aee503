"""Roles: who may do what, and why."""

from app.modules.rbac.models import Role
from app.modules.rbac.schemas import Assignment, Flags, RoleCreate
from app.modules.rbac.service import AssignmentService, RoleService
from app.modules.rbac.sync import sync_modules

__all__ = ["Assignment", "AssignmentService", "Flags", "Role", "RoleCreate", "RoleService", "sync_modules"]
