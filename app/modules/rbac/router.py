"""Endpoints of explanations and policy versions, and of the caller's own permissions and menu."""

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import Path, Query, Request

from app.core.db.pagination import Page, RowPage
from app.core.http.dependencies import Caller, read_only, transactional
from app.core.http.guards import authenticated, policy_change, requires
from app.core.http.router import Router
from app.core.http.state import state_of
from app.modules.rbac.menus.schemas import MenuGroup, PermissionRead
from app.modules.rbac.menus.service import MenuService
from app.modules.rbac.schemas import (
    ExplainAllQuery,
    ExplainQuery,
    Explanation,
    OwnExplainQuery,
    OwnExplanation,
    UserExplanation,
    VersionQuery,
    VersionRead,
    WhoCanQuery,
)
from app.modules.rbac.service import POLICY_READ as POLICY_READERS
from app.modules.rbac.service import ExplainService, OwnExplainService
from app.modules.rbac.versions.access_review import AccessReviewService
from app.modules.rbac.versions.schemas import AccessReviewQuery, AccessReviewRead
from app.modules.rbac.versions.service import VersionService

POLICY = "Modules and groups, explanations of permissions, and versions of the policy."
router = Router(prefix="/rbac", tag="policy", about=POLICY)
mine = Router(prefix="/auth/me", tag="me", dependencies=[authenticated()], about="Your own account.")

Explain = Annotated[ExplainService, read_only(ExplainService)]
OwnExplain = Annotated[OwnExplainService, read_only(OwnExplainService)]
Reviews = Annotated[AccessReviewService, read_only(AccessReviewService)]
Versions = Annotated[VersionService, transactional(VersionService)]
ReadVersions = Annotated[VersionService, read_only(VersionService)]
Menus = Annotated[MenuService, read_only(MenuService)]
VersionNumber = Annotated[int, Path(ge=1, le=2**63 - 1, description="The number of the version.")]

POLICY_READ = [requires(*POLICY_READERS)]


@router.get("/explain", dependencies=POLICY_READ)
async def explain_permission(explain: Explain, query: Annotated[ExplainQuery, Query()]) -> Explanation:
    """Explain why a user holds a permission, or why not.

    With `at`, the policy is taken as it was at that instant, from its versions; names are those of the present.
    """
    return await explain.explain(query)


@router.get("/explain/all", dependencies=POLICY_READ)
async def explain_permissions(explain: Explain, query: Annotated[ExplainAllQuery, Query()]) -> UserExplanation:
    """Explain every permission that a user holds.

    With `at`, the policy is taken as it was at that instant, from its versions; names are those of the present.
    """
    return await explain.explain_all(query)


@router.get("/who-can", response_model=Page[Explanation], dependencies=POLICY_READ)
async def list_who_can(explain: Explain, query: Annotated[WhoCanQuery, Query()]) -> RowPage:
    """List the users who hold a permission, and why."""
    return await explain.who_can(query)


@router.get(
    "/access-review",
    response_model=Page[AccessReviewRead],
    dependencies=[requires("roles:read", also=("users:read",))],
)
async def list_access_review(reviews: Reviews, query: Annotated[AccessReviewQuery, Query()]) -> RowPage:
    """List what every user held at an instant, role by role and module by module, with the terms of the assignment."""
    return await reviews.page(query)


@router.get("/versions", response_model=Page[VersionRead], dependencies=POLICY_READ)
async def list_policy_versions(versions: ReadVersions, query: Annotated[VersionQuery, Query()]) -> RowPage:
    """List the versions of the policy, the newest first."""
    return await versions.page(query)


@router.get("/versions/{id}", response_model=VersionRead, dependencies=POLICY_READ)
async def get_policy_version(versions: ReadVersions, id: VersionNumber) -> Any:
    """Get a version of the policy."""
    return await versions.get(id)


@router.post("/versions/{id}/rollback", status_code=HTTPStatus.NO_CONTENT, dependencies=policy_change("roles:update"))
async def roll_back_policy(versions: Versions, id: VersionNumber) -> None:
    """Restore roles, grants, assignments, modules and groups as they were after this version. Users do not change."""
    await versions.restore(id)


@mine.get("/permissions")
async def get_my_permissions(menus: Menus, principal: Caller) -> list[PermissionRead]:
    """Get what you may do, module by module."""
    return await menus.permissions(principal)


@mine.get("/explain")
async def explain_my_permission(
    request: Request, explain: OwnExplain, principal: Caller, query: Annotated[OwnExplainQuery, Query()]
) -> OwnExplanation:
    """Explain why you hold a permission, or why not, and who can give it to you.

    Callers who may read roles are told which roles grant it.
    """
    return await explain.explain_own(principal, query.permission, state_of(request).settings.approvals.required_for)


@mine.get("/menu")
async def get_my_menu(menus: Menus, principal: Caller) -> list[MenuGroup]:
    """Get the menu that all of your roles together give you."""
    return await menus.menu(principal)


@mine.get("/menu/{role_id}")
async def get_my_menu_of_role(menus: Menus, principal: Caller, role_id: UUID) -> list[MenuGroup]:
    """Get the menu that one of your roles gives you."""
    return await menus.menu_of_role(principal, role_id)


ROUTERS = (router, mine)
