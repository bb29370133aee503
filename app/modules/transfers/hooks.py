"""Stores files that are imported by a job, and removes what was not fetched."""

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from app.core.config import Settings
from app.core.db.engine import Database
from app.core.db.pruning import PruneRule, old_rows
from app.core.db.session import Session
from app.core.errors import Unauthenticated
from app.core.http.file_formats import FILE_TYPES
from app.core.http.module_hooks import ModuleHooks
from app.core.http.upload import Upload
from app.core.jobs import enqueue
from app.core.resources.imports.report import ImportOrder
from app.modules.transfers.jobs import run_import
from app.modules.transfers.models import Transfer
from app.modules.transfers.service import TransferService, forget


def install(database: Database) -> None:
    database.hooks.store_import = store_import
    database.hooks.erase.append(forget)


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
        size=upload.file.tell(),
    )
    await transfers.store_file(job_id, upload.file)
    return job_id


def prune_rules(_settings: Settings) -> Iterable[PruneRule]:
    return [old_rows(Transfer, "expires_at", timedelta(0))]


HOOKS = ModuleHooks(after=("jobs",), install=install, prune_rules=prune_rules)
