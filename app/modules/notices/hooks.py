"""Sends notices at the end of every transaction that did what users are told, whatever the request was."""

from collections.abc import Sequence

from app.core.db.engine import Database
from app.core.db.session import Session
from app.core.db.unit_of_work.change import Change
from app.core.http.module_hooks import ModuleHooks
from app.modules.mail import Mailer
from app.modules.notices.watching.events import NOTICES, notices_of
from app.modules.notices.watching.sending import send_notices


def install(database: Database) -> None:
    async def note(session: Session, changes: Sequence[Change]) -> None:
        if Mailer(database.settings).is_on and not session.context.dry_run:
            found = [notice for change in changes for notice in notices_of(change, session.context.auth_method)]
            session.info.setdefault(NOTICES, []).extend(found)

    async def send(session: Session) -> None:
        if notices := session.info.pop(NOTICES, None):
            await send_notices(session, Mailer(database.settings), notices)

    database.hooks.before_write.append(note)
    database.hooks.before_commit.append(send)


HOOKS = ModuleHooks(after=("audit",), install=install)
