"""Compares what clients were told with what is stored, read with plain SQL: tasks, both logs, and their order."""

from collections import Counter
from collections.abc import Callable, Iterator

from scripts.kill_9.traffic import Traffic
from scripts.replay.stored import Row, Tables

Check = Callable[[Tables, Traffic], Iterator[str]]
CREATED = 201
PROBES = {"/healthz", "/readyz"}


def tasks_are_what_was_acknowledged(tables: Tables, traffic: Traffic) -> Iterator[str]:
    """Each acknowledged task is there, once, and no other."""
    stored = {str(row["id"]): row["title"] for row in tables["task"]}
    for title, task in traffic.tasks.items():
        if stored.get(task) != title:
            yield f"task {task} was acknowledged as {title} and is {stored.get(task)}"
    for title, number in Counter(stored.values()).items():
        if number != 1:
            yield f"{title} is there {number} times"
    if strange := set(stored.values()) - traffic.tasks.keys() - traffic.undecided:
        yield f"{len(strange)} tasks were sent by no client"


def each_task_has_one_change_entry(tables: Tables, traffic: Traffic) -> Iterator[str]:
    """A creation leaves one entry, in the call of the request that created it; a replay leaves none."""
    entries = [row for row in tables["audit_change"] if row["entity"] == "task"]
    numbers = Counter(row["entity_id"] for row in entries)
    stored = {str(row["id"]) for row in tables["task"]}
    for task in stored | numbers.keys():
        if numbers[task] != 1 or task not in stored:
            yield f"task {task} has {numbers[task]} change entries"
    of_request = Counter(row["request_id"] for row in entries)
    for request_id, answer in traffic.attempts.items():
        wanted = {1} if answer and answer.task and not answer.is_replay else {0}
        if answer is None:
            wanted = {0, 1}
        if of_request[request_id] not in wanted:
            yield f"request {request_id} ({answer}) has {of_request[request_id]} change entries"


def each_request_has_one_access_entry(tables: Tables, traffic: Traffic) -> Iterator[str]:
    """An answered request has exactly one, a lost one at most one."""
    entries: dict[str, list[Row]] = {}
    for row in tables["audit_access"]:
        entries.setdefault(row["request_id"], []).append(row)
    for request_id, answer in traffic.attempts.items():
        statuses = [row["status"] for row in entries.get(request_id, [])]
        if answer and statuses != [answer.status]:
            yield f"request {request_id} ({answer}) has the access entries {statuses}"
        if len(statuses) > 1:
            yield f"request {request_id} has {len(statuses)} access entries"


def each_call_is_one_request(tables: Tables, _traffic: Traffic) -> Iterator[str]:
    """No two access entries have the same call."""
    for call, number in Counter(row["call_id"] for row in tables["audit_access"]).items():
        if number != 1:
            yield f"call {call} has {number} access entries"


LEDGER: tuple[Check, ...] = (
    tasks_are_what_was_acknowledged,
    each_task_has_one_change_entry,
    each_request_has_one_access_entry,
    each_call_is_one_request,
)
"""What must agree after any fault."""


def each_entry_is_sealed_once(tables: Tables, _traffic: Traffic) -> Iterator[str]:
    """Places are gapless from 1, and each entry has exactly one."""
    for log, table in (("changes", "audit_change"), ("access", "audit_access")):
        runs = sorted((row for row in tables["audit_run"] if row["log"] == log), key=lambda row: row["first_seq"])
        place, sealed = 1, Counter[int]()
        for run in runs:
            if run["first_seq"] != place:
                yield f"{log}: {run['first_seq']} follows {place - 1}"
            place = run["first_seq"] + run["length"]
            sealed.update(range(run["first_id"], run["first_id"] + run["length"]))
        doubled = [entry for entry, number in sealed.items() if number != 1]
        stored = {row["id"] for row in tables[table]}
        missing, strange = stored - sealed.keys(), sealed.keys() - stored
        if doubled or missing or strange:
            yield f"{log}: sealed twice {doubled[:5]}, not sealed {sorted(missing)[:5]}, sealed and gone {len(strange)}"


def roll_ups_count_each_entry_once(tables: Tables, _traffic: Traffic) -> Iterator[str]:
    """The sums of the roll-ups are those of the logs, once everything is shipped and sealed."""
    stored = {
        "audit_day of access": len(tables["audit_access"]),
        "audit_day of changes": len(tables["audit_change"]),
        "audit_hour": len(tables["audit_access"]),
        "audit_field": sum(len(row["changes"]) for row in tables["audit_change"]),
    }
    counted = dict.fromkeys(stored, 0)
    for table in ("audit_day", "audit_hour", "audit_field"):
        for row in tables[table]:
            counted[f"{table} of {row['log']}" if "log" in row else table] += row["entries"]
    for name, number in stored.items():
        if counted[name] != number:
            yield f"{name} counts {counted[name]} instead of {number}"


SEALED: tuple[Check, ...] = (*LEDGER, each_entry_is_sealed_once, roll_ups_count_each_entry_once)
"""What must agree once everything is sealed."""


def count_killed_after_commit(tables: Tables, traffic: Traffic) -> int:
    """Requests whose process died between the commit and the access entry: they have change entries only."""
    entries = {row["request_id"] for row in tables["audit_access"]}
    changing = {row["request_id"] for row in tables["audit_change"]}
    return sum(answer is None for each, answer in traffic.attempts.items() if each in changing - entries)


def find_complaints(tables: Tables, traffic: Traffic, checks: tuple[Check, ...] = LEDGER) -> list[str]:
    """What does not agree, by the given checks."""
    return [*traffic.complaints, *(complaint for check in checks for complaint in check(tables, traffic))]
