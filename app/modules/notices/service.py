"""Tells a user something by mail, for modules that know no more of the user than the id."""

from uuid import UUID

from app.core.config import Settings
from app.core.db.session import Session
from app.modules.mail import Mailer, letter_to
from app.modules.notices.repository import find_readers


async def tell(  # all but the first three by name
    session: Session, settings: Settings, user_id: UUID, *, text: str, path: str, once: str, values: dict[str, str]
) -> UUID | None:
    """Send the mail `text` of the catalogue to a user, if the transaction of `session` is committed.

    Its button leads to `path` of this application; `once` asks for it once. Returns the job; None where mail is off,
    and for a user who is not active, or no person.
    """
    mailer = Mailer(settings)
    reader = (await find_readers(session, [user_id])).get(user_id) if mailer.is_on else None
    if reader is None or not reader.is_active:
        return None
    letter = letter_to(reader, text, **values).model_copy(update={"url": mailer.page(path)})
    return await mailer.send(session, letter, once=once)
