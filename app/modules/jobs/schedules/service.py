"""Shows schedules, turns them on and off, and writes those that the code declares."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from app.core.clock import now
from app.core.config import JobSettings
from app.core.db.pagination import RowPage
from app.core.db.session import ReadSession, Session
from app.core.jobs.schedules import Schedule, schedules
from app.modules.jobs.schedules.models import JobSchedule
from app.modules.jobs.schedules.repository import ScheduleRepository, TickRepository
from app.modules.jobs.schedules.schemas import ScheduleQuery, ScheduleUpdate


class ScheduleService:
    """The schedules that the code declares. Others, of which only the database knows, are not shown."""

    def __init__(self, session: Session | ReadSession) -> None:
        self.rows = ScheduleRepository(session)

    async def page(self, query: ScheduleQuery, settings: JobSettings) -> RowPage:
        page = await self.rows.page_of(schedules, query)
        return replace(page, items=[show_setting(item, settings) for item in page.items])

    async def update(self, name: str, data: ScheduleUpdate, if_match: str | None, settings: JobSettings) -> Any:
        """Turn a schedule on or off. Ticks that passed while it was off are not made up for. Raises NotFound."""
        if name not in schedules:
            raise self.rows.not_found(name)
        row = await self.rows.load_named(name, if_match)
        was_enabled = row.enabled
        await self.rows.change(row, data.changes())
        if row.enabled and not was_enabled:
            await TickRepository(self.rows.writer).restart(row.id, schedules[name].next_after(now()))
        return show_setting(await self.rows.get(row.id), settings)


def show_setting(item: Any, settings: JobSettings) -> Any:
    """`item`, a schedule as a read shows it, with what the settings say of it."""
    item.is_off_by_setting = not settings.scheduler or item.name in settings.schedules_off
    if item.is_off_by_setting or not item.enabled:
        item.next_at = None
    return item


async def write_declared(session: Session, declared: Mapping[str, Schedule]) -> None:
    """Add the schedules that are missing, and correct those that the code declares otherwise. On and off are kept."""
    rows, ticks, at = ScheduleRepository(session), TickRepository(session), now()
    stored = await rows.load_all()
    for name, schedule in sorted(declared.items()):
        said: dict[str, Any] = {"kind": schedule.kind.name, "rule": str(schedule.rule)}
        row = stored.get(name)
        if row is None:
            row = await rows.add(JobSchedule(name=name, **said))
            await ticks.add(row.id, schedule.next_after(at))
            continue
        has_same_ticks = row.rule == said["rule"]
        await rows.change(row, said)
        if not has_same_ticks:
            await ticks.restart(row.id, schedule.next_after(at))
