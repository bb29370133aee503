"""Why, who, and since when: explanations, policy versions, modules and groups."""

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import Path, Query

from app.core.db import provided, reading
from app.core.guard import policy_write, requires
from app.core.page import Page, Window
from app.core.routing import IfMatch, Router
from app.modules.rbac.models import Module, ModuleGroup
from app.modules.rbac.module_service import GroupService, ModuleService
from app.modules.rbac.policy_schemas import ExplainQuery, Explanation, VersionQuery, VersionRead, WhoCanQuery
from app.modules.rbac.policy_service import ExplainService, VersionService
from app.modules.rbac.schemas import GroupRead, GroupUpdate, ModuleQuery, ModuleRead, ModuleUpdate

router = Router(
    prefix="", tag="policy", about="Why, who, and since when: explanations, policy versions, modules and groups."
)

Explain = Annotated[ExplainService, reading(ExplainService)]
Versions = Annotated[VersionService, provided(VersionService)]
ReadVersions = Annotated[VersionService, reading(VersionService)]
Modules = Annotated[ModuleService, provided(ModuleService)]
ReadModules = Annotated[ModuleService, reading(ModuleService)]
Groups = Annotated[GroupService, provided(GroupService)]
ReadGroups = Annotated[GroupService, reading(GroupService)]
VersionNumber = Annotated[int, Path(ge=1, le=2**63 - 1)]

READS = [requires("roles:read")]


@router.get("/rbac/explain", dependencies=READS)
async def explain_permission(explain: Explain, query: Annotated[ExplainQuery, Query()]) -> Explanation:
    """Why a user may or may not do something."""
    return await explain.explain(query.user_id, query.permission)


@router.get("/rbac/who-can", response_model=Page[Explanation], dependencies=READS)
async def list_who_can(explain: Explain, query: Annotated[WhoCanQuery, Query()]) -> Window:
    """Who may do something, and why."""
    return await explain.who_can(query)


@router.get("/rbac/versions", response_model=Page[VersionRead], dependencies=READS)
async def list_policy_versions(versions: ReadVersions, query: Annotated[VersionQuery, Query()]) -> Window:
    """The versions of the policy, the newest first."""
    return await versions.page(query)


@router.get("/rbac/versions/{id}", response_model=VersionRead, dependencies=READS)
async def get_policy_version(versions: ReadVersions, id: VersionNumber) -> Any:
    """Get one version of the policy."""
    return await versions.get(id)


@router.post(
    "/rbac/versions/{id}/rollback", status_code=HTTPStatus.NO_CONTENT, dependencies=policy_write("roles:update")
)
async def roll_back_policy(versions: Versions, id: VersionNumber) -> None:
    """Make roles, grants, assignments, modules and groups what they were after this version; users stay as they are."""
    await versions.restore(id)


@router.get("/modules", response_model=Page[ModuleRead], dependencies=READS)
async def list_modules(modules: ReadModules, query: Annotated[ModuleQuery, Query()]) -> Window:
    """The modules that the code declares."""
    return await modules.page(query)


@router.patch("/modules/{id}", response_model=ModuleRead, dependencies=policy_write("roles:update"))
async def update_module(modules: Modules, id: UUID, data: ModuleUpdate, if_match: IfMatch = None) -> Module:
    """Change how a module is shown, its group, or whether it grants anything."""
    return await modules.update(id, data, if_match)


@router.get("/module-groups", response_model=Page[GroupRead], dependencies=READS)
async def list_module_groups(groups: ReadGroups, query: Annotated[ModuleQuery, Query()]) -> Window:
    """The groups of modules."""
    return await groups.page(query)


@router.patch("/module-groups/{id}", response_model=GroupRead, dependencies=policy_write("roles:update"))
async def update_module_group(groups: Groups, id: UUID, data: GroupUpdate, if_match: IfMatch = None) -> ModuleGroup:
    """Change how a group is shown, or whether its modules grant anything."""
    return await groups.update(id, data, if_match)
