"""Shuts out a user who is erased."""

from app.core.clock import now
from app.core.db.engine import Database
from app.core.db.person import Person
from app.core.db.session import Session
from app.core.errors import Forbidden
from app.core.http.module_hooks import ModuleHooks
from app.modules.users.models import User
from app.modules.users.repository import UserRepository


async def forget(session: Session, person: Person) -> None:
    """Take the password and the rights of the person. Raises Forbidden for the caller's own account."""
    principal = session.context.principal
    if principal is not None and principal.user_id == person.id:
        raise Forbidden("You cannot erase yourself.")
    user = await session.load(User, person.id, deleted=True)
    if user is None:
        return
    user.is_active = user.is_superuser = user.must_change_password = False
    user.password_hash, user.password_expires_at = "", None
    user.signed_out_at = now()
    await UserRepository(session).forget_sign_in(person.id)


def install(database: Database) -> None:
    database.hooks.erase.append(forget)


HOOKS = ModuleHooks(after=("audit",), install=install)
