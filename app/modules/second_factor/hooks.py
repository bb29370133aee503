"""Removes the second factor of a user who is erased."""

from app.core.db.engine import Database
from app.core.db.person import Person
from app.core.db.session import Session
from app.core.http.module_hooks import ModuleHooks
from app.modules.second_factor.repository import RecoveryCodeRepository, SecondFactorRepository


async def forget(session: Session, person: Person) -> None:
    """Remove the factor of the person, and the recovery codes."""
    factor = await SecondFactorRepository(session).of_user(person.id)
    for row in (*([factor.row] if factor else ()), *await RecoveryCodeRepository(session).of_user(person.id)):
        session.remove(row)


def install(database: Database) -> None:
    database.hooks.erase.append(forget)


HOOKS = ModuleHooks(after=("audit",), install=install)
