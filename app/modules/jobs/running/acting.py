"""As whom a job acts: as the caller who asked, with what that caller may do by now, or as the system."""

from uuid import UUID

from app.core.config import AuthSettings
from app.core.context import Actor, RequestContext
from app.core.db.session import AnyRow, Session
from app.core.jobs import GiveUp, JobKind
from app.core.jobs.schedules import schedule_of
from app.modules.rbac import Acting, acting_key, acting_user

ACTOR_LOST = "actor-lost"
NOT_ALLOWED = "permission-denied"
SPARE_SECONDS = 5.0
"""By how much the limit of a job's transaction is longer than that of the job, which ends it in a better way."""


def context_of_job(row: AnyRow, seconds: float) -> RequestContext:
    """The context of a unit of work of a job, as the system: as the schedule that asked, if one did."""
    schedule = schedule_of(row.once)
    actor = Actor("system", name=f"job/{row.kind}" if schedule is None else f"schedule:{schedule}")
    return RequestContext(actor=actor, request_id=row.request_id, job_seconds=seconds + SPARE_SECONDS)


async def act(session: Session, row: AnyRow, kind: JobKind[object], settings: AuthSettings) -> None:  # type: ignore[type-var]
    """Let `session` act as the caller who asked. Raises GiveUp for one who may not do this any more."""
    if kind.as_system or row.created_by_id is None:
        return
    acting = await find_acting(session, row.created_by_id, row.api_key_id, settings)
    if acting is None:
        raise GiveUp(ACTOR_LOST)
    if kind.requires is not None and not acting.principal.scopes_of(kind.requires):
        raise GiveUp(NOT_ALLOWED)
    context = session.context
    context.actor, context.principal, context.permission = acting.actor, acting.principal, kind.requires
    context.owner_id = acting.principal.user_id if row.api_key_id is not None else None
    context.auth_method = "job"


async def find_acting(
    session: Session, user_id: UUID, api_key_id: UUID | None, settings: AuthSettings
) -> Acting | None:
    """The user or the key that asked, if it may still act."""
    if api_key_id is None:
        return await acting_user(session, user_id)
    return await acting_key(session, api_key_id, settings)
