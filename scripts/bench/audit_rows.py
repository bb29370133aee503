"""The entries of a long log, as SQL makes them: entry n is the same in every run."""

from typing import NamedTuple

CHUNK = 250_000
"""Entries of one transaction."""
ACTORS, ADDRESSES, FIELD_EVERY, ITEM_CHANGES = 500, 2000, 50_000, 20
"""Persons; addresses; changes of which one has the rare field; changes of one item."""

SETUP = f"""
    CREATE FUNCTION entry_id(kind int, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
      SELECT ('0000' || lpad(to_hex(kind), 4, '0') || '-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid $$;
    CREATE TEMPORARY TABLE bench_caller AS
      SELECT n AS number, entry_id(2, n % {ACTORS}) AS user_id, 'user ' || n % {ACTORS} AS name,
        '10.0.' || n / 256 || '.' || n % 256 AS ip, '\\x00'::bytea AS salt
      FROM generate_series(0, {ADDRESSES - 1}) n;
    ALTER TABLE bench_caller ADD PRIMARY KEY (number), ADD id uuid;
    UPDATE bench_caller SET id = substring(encode(sha256(salt || format(
        '{{"ip":"%s","name":"%s","user_agent":"browser","user_id":"%s"}}', ip, name, user_id)::bytea), 'hex'), 1, 32
      )::uuid;
    INSERT INTO audit_caller (id, salt, user_id, name, ip, user_agent, created_at)
      SELECT id, salt, user_id, name, ip, 'browser', now() FROM bench_caller;
"""  # noqa: S608  # nosec B608  # numbers of ours

SPLIT = """
    ALTER TABLE {table} DETACH PARTITION {table}_{month};
    ALTER TABLE {table}_{month} RENAME TO old_{table};
    SELECT attest_make_partition('{table}', date_trunc('month', now()) - interval '1 month');
    SELECT attest_make_partition('{table}', date_trunc('month', now()));
    INSERT INTO {table} SELECT * FROM old_{table};
    DROP TABLE old_{table};
"""
"""Gives the month before this one a partition of its own: a new database has all in one."""

AT = "now() - interval '32 days' * (1 - n::float8 / $3::bigint)"
SHARED = f"""{AT}, {AT}, 2, 'request ' || n, entry_id(3, n), 'user', entry_id(2, n % {ACTORS}),
    (SELECT id FROM bench_caller WHERE number = n % {ADDRESSES})"""  # noqa: S608  # nosec B608

CHANGES = f"""
    INSERT INTO audit_change (at, stored_at, format, request_id, call_id, actor_kind, actor_id, caller_id, source,
      action, entity, entity_id, changes, redaction_version)
    SELECT {SHARED}, 'hook', 'update', CASE WHEN n % 3 = 0 THEN 'product' ELSE 'task' END,
      entry_id(4, n % greatest(1, $3 / {ITEM_CHANGES}))::text,
      CASE WHEN n % {FIELD_EVERY} = 0 THEN '{{"sku": {{"old": "A", "new": "B"}}}}'::jsonb
        WHEN n % 1000 = 1 THEN '{{"deleted_at": {{"old": null, "new": "2026-01-01T00:00:00.000000Z"}}}}'::jsonb
        ELSE jsonb_build_object('title', jsonb_build_object('old', 'a', 'new', 'b' || n)) END, 'bench'
    FROM generate_series($1::bigint, $2::bigint) n"""  # noqa: S608  # nosec B608

REQUESTS = f"""
    INSERT INTO audit_access (at, stored_at, format, request_id, call_id, actor_kind, actor_id, caller_id, auth_method,
      method, path, route, module, item_id, subject_id, decision, status, error_code, duration_us, bytes_out,
      is_replay, is_dry_run)
    SELECT {SHARED}, 'session', 'GET', '/api/v1/tasks/' || entry_id(4, n % 10000),
      CASE WHEN n % {FIELD_EVERY} = 0 THEN '/api/v1/brands' ELSE '/api/v1/tasks/{{id}}' END, 'tasks',
      CASE WHEN n % 4 = 0 THEN entry_id(4, n % greatest(1, $3 / 3 / {ITEM_CHANGES})) END,
      CASE WHEN n % 100 = 0 THEN entry_id(2, n / 100 % {ACTORS}) END, 'tasks:read',
      CASE WHEN n % 10000 = 0 THEN 500 WHEN n % 50 = 0 THEN 404 ELSE 200 END,
      CASE WHEN n % 10000 = 0 THEN 'internal' WHEN n % 50 = 0 THEN 'not-found' END, 1000, 500, false, false
    FROM generate_series($1::bigint, $2::bigint) n"""  # noqa: S608  # nosec B608

LOADS = ((CHANGES, 1), (REQUESTS, 3))
"""The statements that insert the entries $1 to $2 of $3, and how many there are for each change."""


class Values(NamedTuple):
    """Values that an auditor asks for."""

    actor: str
    item: str
    field: str
    call: str
    ip: str
    error_code: str
    route: str
    request: str


def entry_id(kind: int, number: int) -> str:
    """The id that the function of the same name makes in the database."""
    return f"0000{kind:04x}-0000-4000-8000-{number:012x}"


def values_of(changes: int) -> Values:
    """Values that are in a log of so many changes, and in one without any: values that are in none."""
    number = changes // 3 if changes else 2**40
    if not changes:
        absent = entry_id(5, number)
        return Values(absent, absent, "absent", absent, "192.0.2.1", "no-such-code", "/api/v1/absent", "absent")
    item = entry_id(4, number % max(1, changes // ITEM_CHANGES))
    call = entry_id(3, number)
    return Values(entry_id(2, 7), item, "sku", call, "10.0.0.7", "not-found", "/api/v1/brands", f"request {number}")
