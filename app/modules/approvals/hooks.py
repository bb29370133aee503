"""Holds changes back that need approval, and declares the pruning of those that waited."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta

from app.core.config import Settings
from app.core.db.engine import Database
from app.core.db.person import Person
from app.core.db.pruning import PruneRule, old_entities
from app.core.db.session import Session
from app.core.http.module_hooks import ModuleHooks
from app.core.http.state import State
from app.modules.approvals.models import Approval
from app.modules.approvals.router import must_wait
from app.modules.approvals.service import forget
from app.modules.approvals.waiting.needs import APPROVED, ERASES, Approved, check_rules, needs_of
from app.modules.rbac import EFFECTS, Effects


def install(database: Database) -> None:
    """Ask for approval at the end of every transaction, when all of its effects are known."""
    rules = database.settings.approvals.required_for

    async def hold_back(session: Session) -> None:
        needs, context = needs_of(session, rules), session.context
        effects: Effects | None = session.info.get(EFFECTS)
        approved: Approved | None = session.info.get(APPROVED)
        if approved is not None:
            approved.check(effects)
        elif needs and context.dry_run:
            context.preview["needs_approval"] = needs
        elif needs and context.principal is not None:  # commands are not bound
            raise must_wait(needs, effects.on_users if effects else [])

    database.hooks.before_commit.append(hold_back)
    database.hooks.erase += [note_erasure, forget]


@asynccontextmanager
async def lifespan(state: State) -> AsyncIterator[None]:
    """Refuse to start with a rule that names nothing."""
    check_rules(state.settings.approvals.required_for, state.modules)
    yield


async def note_erasure(session: Session, _person: Person) -> None:
    """Remember it for the end of the transaction."""
    session.info[ERASES] = True


def prune_rules(settings: Settings) -> Iterable[PruneRule]:
    return [old_entities(Approval, "expires_at", timedelta(days=settings.retention.approval_days))]


HOOKS = ModuleHooks(after=("audit", "rbac"), install=install, lifespan=lifespan, prune_rules=prune_rules)
