"""Endpoints of modules and groups."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from app.core.db.pagination import Page, RowPage
from app.core.http.dependencies import read_only, transactional
from app.core.http.guards import policy_change, requires
from app.core.http.route import IfMatch
from app.core.http.router import Router
from app.modules.roles.models import Module, ModuleGroup
from app.modules.roles.modules.schemas import GroupQuery, GroupRead, GroupUpdate, ModuleQuery, ModuleRead, ModuleUpdate
from app.modules.roles.modules.service import GroupService, ModuleService

POLICY = "Modules and groups, explanations of permissions, and versions of the policy."
modules_router = Router(prefix="", tag="policy", about=POLICY)

Modules = Annotated[ModuleService, transactional(ModuleService)]
ReadModules = Annotated[ModuleService, read_only(ModuleService)]
Groups = Annotated[GroupService, transactional(GroupService)]
ReadGroups = Annotated[GroupService, read_only(GroupService)]

ROLES_READ = [requires("roles:read")]
ROLES_UPDATE = policy_change("roles:update")


@modules_router.get("/modules", response_model=Page[ModuleRead], dependencies=ROLES_READ)
async def list_modules(modules: ReadModules, query: Annotated[ModuleQuery, Query()]) -> RowPage:
    """List the modules that the code declares."""
    return await modules.page(query)


@modules_router.patch("/modules/{id}", response_model=ModuleRead, dependencies=ROLES_UPDATE)
async def update_module(modules: Modules, id: UUID, data: ModuleUpdate, if_match: IfMatch = None) -> Module:
    """Change a module: its place in the menu, its group, or whether it grants anything."""
    return await modules.update(id, data, if_match)


@modules_router.get("/module-groups", response_model=Page[GroupRead], dependencies=ROLES_READ)
async def list_module_groups(groups: ReadGroups, query: Annotated[GroupQuery, Query()]) -> RowPage:
    """List the groups of modules."""
    return await groups.page(query)


@modules_router.patch("/module-groups/{id}", response_model=GroupRead, dependencies=ROLES_UPDATE)
async def update_module_group(groups: Groups, id: UUID, data: GroupUpdate, if_match: IfMatch = None) -> ModuleGroup:
    """Change a group: its place in the menu, or whether its modules grant anything."""
    return await groups.update(id, data, if_match)
