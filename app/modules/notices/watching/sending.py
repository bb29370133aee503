"""Sends notices, and finds out which sign-ins are unlike those before."""

from collections.abc import Sequence
from ipaddress import IPv4Address, ip_address, ip_network

from sqlalchemy import select

from app.core.clock import now
from app.core.db.entity import table_of
from app.core.db.session import Session
from app.core.fields.ip_address import rate_limit_key
from app.modules.mail import Mailer, in_words, letter_to
from app.modules.notices.repository import find_readers
from app.modules.notices.watching.events import Notice
from app.modules.sessions import AuthSession, device_of

MOST_SESSIONS = 50
"""Earlier sessions to which a sign-in is compared."""
IPV4_NETWORK_BITS = 24
"""Addresses of IPv4 change within the network of a provider from day to day."""
sessions = table_of(AuthSession)


async def send_notices(session: Session, mailer: Mailer, notices: Sequence[Notice]) -> None:
    """Send `notices`, in the transaction of `session`, to users who are people and were there before it."""
    readers = await find_readers(session, (notice.user_id for notice in notices))
    for notice in notices:
        reader = readers.get(notice.user_id)
        if reader is None:
            continue
        values = {"at": in_words(now()), **notice.values}
        if notice.sign_in is not None:
            if not await is_unusual(session, notice.sign_in):
                continue
            values |= {"address": notice.sign_in.ip or "", "program": device_of(notice.sign_in.user_agent)}
        letter = letter_to(reader, notice.text, **values)
        await mailer.send(session, letter.model_copy(update={"to": notice.to or reader.email}))
    await session.flush()


async def is_unusual(session: Session, row: AuthSession) -> bool:
    """Whether a session comes from a network, or by a program, that no earlier one of the user had.

    The first session of a user is not unusual.
    """
    earlier = select(sessions.c.ip, sessions.c.user_agent).where(sessions.c.user_id == row.user_id)
    earlier = earlier.where(sessions.c.id != row.id, sessions.c.ip.is_not(None))
    known = await session.look(earlier.order_by(sessions.c.created_at.desc()).limit(MOST_SESSIONS))
    if not known:
        return False
    if network_of(row.ip) not in {network_of(each.ip) for each in known}:
        return True
    programs = {each.user_agent for each in known}  # most are the same text, which is faster to compare than to read
    return row.user_agent not in programs and device_of(row.user_agent) not in {device_of(each) for each in programs}


def network_of(ip: str | None) -> str:
    """The network of an address, as far as a person stays in it from day to day."""
    text = rate_limit_key(ip)
    try:
        address = ip_address(text)
    except ValueError:
        return text
    if isinstance(address, IPv4Address):
        return str(ip_network(f"{address}/{IPV4_NETWORK_BITS}", strict=False))
    return text
