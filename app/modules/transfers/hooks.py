"""Stores files that are imported by a job, and removes what was not fetched."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from uuid import UUID

from app.core.config import Settings
from app.core.db.engine import Database
from app.core.db.pruning import PruneRule, old_rows
from app.core.db.session import Session
from app.core.db.unit_of_work.change import Change
from app.core.errors import Unauthenticated
from app.core.http.file_formats import FILE_TYPES
from app.core.http.module_hooks import ModuleHooks
from app.core.http.upload import Upload
from app.core.jobs import enqueue
from app.core.resources.imports.report import ImportOrder
from app.modules.jobs import Job, JobState
from app.modules.transfers.jobs import run_import, write_export
from app.modules.transfers.models import Transfer
from app.modules.transfers.service import TransferService, drop_files, forget

ENDED = "jobs without a use for their files"
"""Where the information of a session has the ids of those jobs."""


def install(database: Database) -> None:
    database.hooks.store_import = store_import
    database.hooks.erase.append(forget)
    database.hooks.before_write.append(note_ended)
    database.hooks.before_commit.append(drop_ended)


async def note_ended(session: Session, changes: Sequence[Change]) -> None:
    """Note the jobs that end without a use for their files. An import that failed can be tried again, and needs its."""
    ends = {(run_import.name, JobState.cancelled), (write_export.name, JobState.cancelled)}
    ends.add((write_export.name, JobState.failed))
    jobs = (change.row for change in changes if isinstance(change.row, Job) and change.alters({"state"}))
    if found := [job.id for job in jobs if (job.kind, job.state) in ends]:
        session.info[ENDED] = [*session.info.get(ENDED, ()), *found]


async def drop_ended(session: Session) -> None:
    """Drop the files of those jobs."""
    if ended := session.info.pop(ENDED, None):
        await drop_files(session, ended)


async def store_import(session: Session, upload: Upload, order: ImportOrder) -> UUID:
    """Store a file and the job that imports it, in the transaction of `session`. Returns the id of both."""
    caller = session.context.principal
    if caller is None:
        raise Unauthenticated("Sign in first.")
    job_id = await enqueue(session, run_import, order)
    transfers = TransferService(session)
    await transfers.check_room(caller.user_id)
    await transfers.create(
        job_id,
        caller.user_id,
        is_import=True,
        path=order.path,
        media_type=upload.kind,
        name=(upload.name or f"import.{FILE_TYPES[upload.kind]}")[:200],
        size=upload.size,
    )
    await transfers.store_file(job_id, upload.file)
    return job_id


def prune_rules(_settings: Settings) -> Iterable[PruneRule]:
    return [old_rows(Transfer, "expires_at", timedelta(0))]


HOOKS = ModuleHooks(after=("jobs",), install=install, prune_rules=prune_rules)
