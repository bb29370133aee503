"""Endpoints of changes that wait for approval, and the requests by which they are made."""

from contextlib import suppress
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import Depends, Query, Request, Response

from app.core.db.integrity import explain_constraints
from app.core.db.pagination import Page, RowPage
from app.core.db.session import AnyRow
from app.core.errors import DryRun, Forbidden, Invalid, NotFound, Problem
from app.core.http.dependencies import Caller, read_only, transactional
from app.core.http.guards import Authenticated, RequiresPermission, authenticated
from app.core.http.inner_request import Call, InnerRequest, find_route
from app.core.http.request_body import JSON_TYPES
from app.core.http.root_path import route_path
from app.core.http.router import Router
from app.core.http.state import context_of, state_of
from app.core.http.transaction import Postponed, run_with_retries
from app.core.jobs import enqueue
from app.core.runtime.masking import mask
from app.modules.approvals.asking.kind import Asked, ask_approvers
from app.modules.approvals.models import ApprovalState
from app.modules.approvals.schemas import ApprovalPreview, ApprovalQuery, ApprovalRead
from app.modules.approvals.service import ApprovalService, DecisionService, NotWaiting
from app.modules.approvals.waiting.content import Content, Origin
from app.modules.approvals.waiting.needs import Approved, RequesterMayNot
from app.modules.mail import Mailer
from app.modules.second_factor import check_step_up

router = Router(
    "approvals",
    name="Approvals",
    group="System",
    icon="check-check",
    sort_order=88,
    about="Changes that wait until a second person approves them.",
)

Decisions = Annotated[DecisionService, transactional(DecisionService)]
ReadApprovals = Annotated[ApprovalService, read_only(ApprovalService)]
EVERY_CALLER = [authenticated()]
REQUESTER = [authenticated(durable_audit=True)]
APPROVER = RequiresPermission("approvals:update", durable_audit=True, session_only=True, may_step_up=True)
REJECTER = RequiresPermission("approvals:update", durable_audit=True, session_only=True)
KEPT_HEADERS = ("content-type", "if-match", "if-none-match")
FINAL = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED, Invalid.status})
"""Refusals that every approver would get, so that the change has failed."""


@router.get("", response_model=Page[ApprovalRead], dependencies=EVERY_CALLER)
async def list_approvals(approvals: ReadApprovals, query: Annotated[ApprovalQuery, Query()]) -> RowPage:
    """List changes that wait for approval, or waited: all with `approvals:read`, else those that you asked for."""
    return await approvals.page(query)


@router.get("/{id}", response_model=ApprovalRead, dependencies=EVERY_CALLER)
async def get_approval(approvals: ReadApprovals, id: UUID) -> Any:
    """Get a change that waits for approval, or waited."""
    return await approvals.get(id)


@router.get("/{id}/preview", dependencies=EVERY_CALLER)
async def preview_approval(request: Request, approvals: ReadApprovals, id: UUID) -> ApprovalPreview:
    """Get what would happen if you approved a change now: a dry run with your permissions."""
    row, content = await approvals.read_request(id)
    shown = {"query": content.query, "body": mask(orjson.loads(content.body)) if content.body else None}
    try:
        await WaitingChange(request, row, content).make(is_dry_run=True)
    except DryRun as done:
        return ApprovalPreview(**shown, dry_run=done.preview, problem=None, detail=None)
    except Problem as problem:
        return ApprovalPreview(**shown, dry_run=None, problem=problem.code, detail=problem.detail)
    raise RuntimeError("a dry run was committed")


@router.post("/{id}/approve", response_model=ApprovalRead, dependencies=[Depends(APPROVER)])
async def approve_change(request: Request, approvals: ReadApprovals, caller: Caller, id: UUID) -> Any:
    """Approve a change for which another user asked. It is made at once, with your permissions.

    Where it cannot be made any more, it has failed, and the response is the error.
    """
    row, content = await approvals.read_request(id)
    approvals.check_other(row.requester_id)
    check_step_up(caller, state_of(request).settings.auth.step_up_ttl)
    try:
        change = WaitingChange(request, row, content)
        await change.make()
    except Problem as problem:
        if problem.status in FINAL:
            await record_failure(request, id, problem)
        raise
    context_of(request).policy_version = change.context.policy_version
    return await approvals.get(id)


@router.post("/{id}/reject", response_model=ApprovalRead, dependencies=[Depends(REJECTER)])
async def reject_change(decisions: Decisions, id: UUID) -> Any:
    """Reject a change for which another user asked."""
    return await decisions.reject(id)


@router.post("/{id}/withdraw", response_model=ApprovalRead, dependencies=REQUESTER)
async def withdraw_change(decisions: Decisions, id: UUID) -> Any:
    """Withdraw a change for which you asked."""
    return await decisions.withdraw(id)


class WaitingChange:
    """A change that waits, as a request within that of a caller who may approve it."""

    def __init__(self, request: Request, row: AnyRow, content: Content) -> None:
        context = context_of(request)
        self.id, self.state = row.id, state_of(request)
        self.context = replace(
            context,
            headers={},
            preview={},
            changes_policy=True,
            owner_id=row.requester_id,
            reason=row.reason or context.reason,
        )
        call = Call(row.path, content.query, row.method, content.headers, content.body)
        inner = find_route(request, call, self.context)
        if inner is None:
            raise NotFound("What the change is about is no longer there.")
        self.inner: InnerRequest = inner

    async def make(self, *, is_dry_run: bool = False) -> None:
        """Make the change with the permissions of the caller, and record that. Raises Problem, DryRun."""
        body = await self.inner.read_body()

        async def run(request: Request) -> Response:
            decisions = DecisionService(request.state.session)
            await self.inner.route.plan.read_arguments(request, body)  # tell the context before the transaction begins
            if not is_dry_run:
                self.check_requester(await decisions.begin(self.id))
            self.inner.authorize(decisions.caller)
            response = await self.inner.route.run_endpoint(body, request)
            self.context.dry_run = is_dry_run
            if not is_dry_run:
                await decisions.finish(self.id, ApprovalState.approved)
            return response

        with explain_constraints():
            await run_with_retries(self.inner.request, self.state, self.context, run, None)

    def check_requester(self, approved: Approved) -> None:
        """Raise RequesterMayNot for a requester who would be refused now."""
        guard = self.inner.route.guard
        try:
            if isinstance(guard, Authenticated):
                guard.check_permissions(approved.requester, self.inner.request)
        except Forbidden as error:
            raise RequesterMayNot("Who asked for this change may not make it any more.") from error


async def record_failure(request: Request, id: UUID, problem: Problem) -> None:
    """Record that an approved change could not be made, unless it was decided meanwhile."""
    with suppress(NotWaiting, NotFound):
        async with state_of(request).database.unit_of_work(context_of(request)) as session:
            await DecisionService(session).finish(id, ApprovalState.failed, problem.code)


async def make_wait(request: Request, needs: list[str], effects: list[dict[str, Any]]) -> Response:
    """Store the change of `request` in place of making it. Raises Postponed for one that is sent as a file."""
    route = request.scope["route"]
    if route.preflight.media_types not in ((), JSON_TYPES):
        raise must_wait(needs, effects)
    headers = {name: request.headers[name] for name in KEPT_HEADERS if name in request.headers}
    content = Content(request.url.query, headers, await request.body())
    origin = Origin(request.method, route_path(request.scope), content)
    hours = state_of(request).settings.approvals.hours
    item = await DecisionService(request.state.session).create(origin, needs, effects, hours)
    if Mailer(state_of(request).settings).is_on:
        await enqueue(request.state.session, ask_approvers, Asked(approval_id=item.id))
    place = f"{request.scope.get('root_path', '')}{request.app.url_path_for('get_approval', id=item.id)}"
    body = ApprovalRead.model_validate(item).model_dump_json()
    return Response(body, HTTPStatus.ACCEPTED, {"Location": place}, "application/json")


def must_wait(needs: list[str], effects: list[dict[str, Any]]) -> Postponed:
    """What ends a request whose change must wait, and stores it instead."""

    async def handle(request: Request) -> Response:
        return await make_wait(request, needs, effects)

    return Postponed(f"This needs the approval of a second person: {', '.join(needs)}.", handle)
