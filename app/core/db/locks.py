"""Advisory locks: named locks that the database holds for one transaction. SQLite has one writer and needs none."""

from sqlalchemy import func, select

from app.core.db.session import Session


async def lock_until_commit(session: Session, name: bytes) -> None:
    """Wait for the lock `name`; the transaction holds it to its end."""
    if not session.is_sqlite:
        await session.value(select(func.pg_advisory_xact_lock(lock_number(name))))


async def try_lock_until_commit(session: Session, name: bytes) -> bool:
    """Take the lock `name` to the end of the transaction; False if another transaction holds it."""
    if session.is_sqlite:
        return True
    return bool(await session.value(select(func.pg_try_advisory_xact_lock(lock_number(name)))))


def lock_number(name: bytes) -> int:
    """The first 8 bytes of `name`, as the signed 64-bit number that PostgreSQL gives a lock."""
    return int.from_bytes(name[:8].rjust(8, b"\0"), signed=True)
