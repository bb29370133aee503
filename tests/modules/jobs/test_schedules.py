"""Schedules: each tick asks for its job once, unless it is off, or was missed for too long."""

import asyncio
import io
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select, update

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.jobs import Schedule, cron, every
from app.core.jobs.schedules import schedules
from app.modules.jobs.commands.doctor import doctor
from app.modules.jobs.models import Job
from app.modules.jobs.schedules.models import JobScheduleTick
from app.modules.jobs.schedules.scheduler import Scheduler, next_move
from tests.modules.jobs.kinds import make_brand, make_for_tick, run_all
from tests.people import Person, SignedInAs

HOURLY, HOUR, SECOND = "tests.hourly", timedelta(hours=1), timedelta(seconds=1)
StepClock = Callable[[timedelta], None]
jobs, ticks = table_of(Job), table_of(JobScheduleTick)


@pytest.fixture(autouse=True)
def hourly() -> Iterator[Schedule]:
    """The only schedule of the test at its beginning. Its next tick is not while the test runs."""
    before = dict(schedules)
    schedules.clear()
    every(3600, name=HOURLY)(make_for_tick)
    until_tick = schedules[HOURLY].next_after(now()) - now()
    time.sleep(until_tick.total_seconds() if until_tick < 15 * SECOND else 0)
    yield schedules[HOURLY]
    schedules.clear()
    schedules.update(before)


async def look(database: Database, count: int = 1) -> None:
    """Let so many schedulers look at once for ticks that are due."""
    await asyncio.gather(*(Scheduler(database, schedules, asks=True).run() for _ in range(count)))


async def asked(database: Database) -> list[str]:
    """What the jobs of schedules were asked for once by."""
    session = database.read_session(RequestContext.for_job("test"))
    rows = await session.all(select(jobs.c.once).where(jobs.c.once.is_not(None)).order_by(jobs.c.once))
    return [row.once for row in rows]


async def listed(person: Person, query: str = "") -> list[dict[str, Any]]:
    answer = await person.get(f"/jobs/schedules{query}")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def ahead_to(schedule: Schedule, beyond: timedelta) -> timedelta:
    """By how much the clock has to be ahead for the next tick to be so long ago."""
    return schedule.next_after(now()) - now() + beyond


async def test_a_tick_asks_once_and_its_job_acts_as_the_schedule(
    database: Database, hourly: Schedule, signed_in_as: SignedInAs, step_clock: StepClock
) -> None:
    root = await signed_in_as(superuser=True)
    await look(database)
    tick = hourly.next_after(now())
    (waiting,) = await listed(root)

    step_clock(ahead_to(hourly, SECOND))
    await look(database, 3)
    await look(database)
    root = await signed_in_as(superuser=True)
    (after,) = await listed(root)
    await run_all(database)

    assert await asked(database) == [f"tick/{HOURLY}/{tick:%Y-%m-%dT%H:%M:%SZ}"]
    assert (waiting["rule"], waiting["kind"], waiting["enabled"]) == ("every 3600 s", "tests.tick", True)
    assert (at_of(waiting["next_at"]), waiting["last_at"], waiting["last_job_id"]) == (tick, None, None)
    assert (at_of(after["next_at"]), at_of(after["last_at"])) == (tick + HOUR, tick)
    done = (await root.get(f"/jobs/{after['last_job_id']}")).json()
    assert (done["state"], done["created_by"], done["result"]) == ("succeeded", None, {"brands": 1})
    (brand,) = (await root.get("/brands")).json()["items"]
    for item in (done["id"], brand["id"]):
        entries = (await root.get(f"/audit/changes?entity_id={item}")).json()["items"]
        assert {(entry["actor_kind"], entry["actor_name"]) for entry in entries} == {("system", f"schedule:{HOURLY}")}


def at_of(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def test_a_clock_that_steps_back_ticks_no_tick_twice(
    database: Database, hourly: Schedule, step_clock: StepClock
) -> None:
    await look(database)
    ahead = ahead_to(hourly, SECOND)
    step_clock(ahead)
    await look(database)

    for step in (ahead - 2 * HOUR, ahead - timedelta(days=2), ahead):
        step_clock(step)
        await look(database, 2)

    assert len(await asked(database)) == 1
    step_clock(ahead + HOUR)
    await look(database)
    assert len(await asked(database)) == 2


async def test_a_schedule_goes_on_after_a_clock_that_was_years_ahead(
    database: Database, hourly: Schedule, step_clock: StepClock
) -> None:
    await look(database)
    ahead = ahead_to(hourly, SECOND)
    step_clock(timedelta(days=4000))
    await look(database)
    in_future = await asked(database)

    step_clock(timedelta())
    await look(database)
    step_clock(ahead)
    await look(database)

    assert set(await asked(database)) - set(in_future) == {hourly.once(hourly.next_after(now() - HOUR))}
    assert len(in_future) <= 1


async def test_a_tick_that_was_missed_for_longer_than_the_grace_is_skipped(
    database: Database, hourly: Schedule, step_clock: StepClock, output: io.StringIO
) -> None:
    await look(database)
    ahead = ahead_to(hourly, hourly.grace)

    step_clock(ahead + 10 * SECOND)
    await look(database)
    skipped = await asked(database)
    step_clock(ahead + HOUR - 10 * SECOND)
    await look(database)

    assert skipped == []
    assert "schedule_ticks_skipped" in output.getvalue()
    assert HOURLY in output.getvalue()
    assert len(await asked(database)) == 1


async def test_ticks_within_the_grace_are_made_up_for(database: Database, step_clock: StepClock) -> None:
    every(60, name="tests.minute", grace=300)(make_for_tick)
    await look(database)

    step_clock(timedelta(minutes=40))
    await look(database, 2)

    made = [once for once in await asked(database) if "minute" in once]
    assert len(made) == 5


async def test_a_schedule_is_turned_off_and_on_by_an_administrator(
    database: Database, hourly: Schedule, signed_in_as: SignedInAs, step_clock: StepClock
) -> None:
    await look(database)
    ahead = ahead_to(hourly, SECOND)
    admin, reader = await signed_in_as("jobs:read", "jobs:update"), await signed_in_as("jobs:read")
    auditor = await signed_in_as(superuser=True)

    refused = await reader.patch(f"/jobs/schedules/{HOURLY}", {"enabled": False})
    unknown = await admin.patch("/jobs/schedules/tests.unknown", {"enabled": False})
    off = await admin.patch(f"/jobs/schedules/{HOURLY}", {"enabled": False})
    stale = await admin.patch(f"/jobs/schedules/{HOURLY}", {"enabled": True}, headers={"If-Match": '"1"'})
    entries = (await auditor.get(f"/audit/changes?entity_id={off.json()['id']}")).json()["items"]
    step_clock(ahead)
    await look(database)
    while_off = await asked(database)
    admin = await signed_in_as("jobs:read", "jobs:update")
    on = await admin.patch(f"/jobs/schedules/{HOURLY}", {"enabled": True})
    await look(database)
    once_on = await asked(database)
    step_clock(ahead + HOUR)
    await look(database)

    assert [answer.status_code for answer in (refused, unknown, off, stale, on)] == [403, 404, 200, 412, 200]
    assert (off.json()["enabled"], off.json()["next_at"]) == (False, None)
    assert (entries[0]["action"], entries[0]["actor_id"]) == ("update", off.json()["updated_by"]["id"])
    assert (while_off, once_on) == ([], [])
    assert hourly.next_after(now()) - at_of(on.json()["next_at"]) == HOUR
    assert len(await asked(database)) == 1


async def test_a_schedule_that_was_off_makes_nothing_up_for_where_no_scheduler_ran(
    database: Database, hourly: Schedule, signed_in_as: SignedInAs, step_clock: StepClock
) -> None:
    await look(database)
    admin = await signed_in_as("jobs:update")
    assert (await admin.patch(f"/jobs/schedules/{HOURLY}", {"enabled": False})).status_code == 200

    step_clock(ahead_to(hourly, SECOND))
    admin = await signed_in_as("jobs:update")
    assert (await admin.patch(f"/jobs/schedules/{HOURLY}", {"enabled": True})).status_code == 200
    await look(database)

    assert await asked(database) == []


async def test_settings_turn_schedules_off(
    app: FastAPI,
    database: Database,
    hourly: Schedule,
    signed_in_as: SignedInAs,
    step_clock: StepClock,
    monkeypatch: pytest.MonkeyPatch,
    output: io.StringIO,
) -> None:
    root = await signed_in_as(superuser=True)
    off = database.settings.jobs.model_copy(update={"schedules_off": (HOURLY, "tests.unknown")})
    settings = database.settings.model_copy(update={"jobs": off})
    monkeypatch.setattr(database, "settings", settings)
    monkeypatch.setattr(app.state, "settings", settings)
    await look(database)
    (shown,) = await listed(root)

    step_clock(ahead_to(hourly, SECOND))
    await look(database)

    assert await asked(database) == []
    assert (shown["enabled"], shown["is_off_by_setting"], shown["next_at"]) == (True, True, None)
    assert "unknown_schedules_are_off" in output.getvalue()
    assert "tests.unknown" in output.getvalue()


async def test_a_scheduler_that_is_off_only_writes_what_is_declared(
    database: Database, hourly: Schedule, signed_in_as: SignedInAs, step_clock: StepClock
) -> None:
    scheduler = Scheduler(database, schedules, asks=False)
    assert await scheduler.run()
    (shown,) = await listed(await signed_in_as("jobs:read"))

    step_clock(ahead_to(hourly, SECOND))
    assert await scheduler.run()

    assert shown["name"] == HOURLY
    assert await asked(database) == []


async def test_the_list_has_what_the_code_declares_now(
    database: Database, signed_in_as: SignedInAs, hourly: Schedule
) -> None:
    cron("30 4 * * *", name="tests.nightly")(make_for_tick)
    await look(database)
    root = await signed_in_as(superuser=True)
    before = await listed(root)

    del schedules[HOURLY]
    del schedules["tests.nightly"]
    cron("*/15 * * * *", name="tests.nightly")(make_for_tick)
    await look(database)
    (after,) = await listed(root, "?enabled=true&kind=tests.tick&sort=-name")
    entries = (await root.get(f"/audit/changes?entity_id={after['id']}")).json()["items"]

    assert [(item["name"], item["rule"]) for item in before] == [
        (HOURLY, "every 3600 s"),
        ("tests.nightly", "30 4 * * *"),
    ]
    assert (after["name"], after["rule"]) == ("tests.nightly", "*/15 * * * *")
    assert at_of(after["next_at"]) - now() <= timedelta(minutes=15)
    assert [(entry["action"], entry["actor_name"]) for entry in entries] == [
        ("update", "scheduler"),
        ("create", "scheduler"),
    ]
    assert (await root.patch(f"/jobs/schedules/{HOURLY}", {"enabled": False})).status_code == 404


async def test_who_may_not_read_jobs_sees_no_schedules(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as()

    assert (await person.get("/jobs/schedules")).status_code == 403


@pytest.mark.parametrize(
    ("expression", "before", "after"),
    [
        ("*/15 * * * *", "2026-11-28T06:15:00", "2026-11-28T06:30:00"),
        ("0 3 * * *", "2026-11-28T03:00:00", "2026-11-29T03:00:00"),
        ("0 0 29 2 *", "2026-11-28T03:00:00", "2028-02-29T00:00:00"),
        ("30 2 * * sun", "2026-03-29T01:00:00", "2026-03-29T02:30:00"),  # where clocks change then, UTC does not
    ],
)
def test_ticks_of_a_cron_expression_are_in_utc(expression: str, before: str, after: str) -> None:
    cron(expression, name="tests.cron")(make_for_tick)

    assert schedules["tests.cron"].next_after(at(before)) == at(after)


def test_ticks_of_an_interval_do_not_depend_on_the_start(hourly: Schedule) -> None:
    starts = [at("2026-11-28T06:00:00"), at("2026-11-28T06:59:59")]

    assert {hourly.next_after(start) for start in starts} == {at("2026-11-28T07:00:00")}


@pytest.mark.parametrize(
    "declare",
    [
        lambda: cron("* * * *"),
        lambda: cron("@daily"),
        lambda: cron("61 * * * *"),
        lambda: cron("0 0 30 2 *"),
        lambda: cron("* * * * * *"),
        lambda: every(0),
        lambda: every(60, name=HOURLY)(make_for_tick),
        lambda: every(60, name="Hourly")(make_for_tick),
        lambda: every(60, name=f"tests.{'a' * 80}")(make_for_tick),
        lambda: every(60)(make_brand),  # which must be told a name
    ],
)
def test_a_schedule_that_cannot_be_stops_the_start(declare: Callable[[], Any]) -> None:
    with pytest.raises(ValueError, match=r"schedule|cron expression|told"):
        declare()


@pytest.mark.parametrize(
    ("due", "is_on", "expected"),
    [
        ("10:00:01", True, None),
        ("10:00:00", True, ("11:00:00", True)),
        ("09:00:00", False, ("11:00:00", False)),
        ("09:00:00", True, ("10:00:00", False)),
    ],
)
def test_what_a_schedule_does(hourly: Schedule, due: str, is_on: bool, expected: tuple[str, bool] | None) -> None:
    move = next_move(hourly, at(f"2026-11-28T{due}"), at("2026-11-28T10:00:00"), is_on=is_on)

    assert move == (expected and (at(f"2026-11-28T{expected[0]}"), expected[1]))


async def test_the_doctor_finds_a_schedule_that_does_not_tick(database: Database, hourly: Schedule) -> None:
    await look(database)
    well = await doctor(database)

    async with database.unit_of_work(RequestContext.for_job("test")) as session:
        await session.execute(update(ticks).values(next_at=now() - HOUR))
    ill = await doctor(database)

    assert (well.exit_code, well.lines) == (0, ["All is well."])
    assert (ill.exit_code, len(ill.lines)) == (1, 1)
    assert ill.lines[0].startswith(f"schedule {hourly.name}: no scheduler has seen to it since ")
