"""The migration operations `make_backstop` and `drop_backstop`: triggers that record what comes past the application.

PostgreSQL only. SQLite tells a trigger nothing of the program that writes.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation, Operations
from sqlalchemy import text

from app.core.db.postgresql import MARKER

VERBS = {
    "insert": "AFTER INSERT ON {table} REFERENCING NEW TABLE AS new_rows",
    "update": "AFTER UPDATE ON {table} REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "delete": "AFTER DELETE ON {table} REFERENCING OLD TABLE AS old_rows",
    "truncate": "BEFORE TRUNCATE ON {table}",
}

CANONICAL = r"""
CREATE OR REPLACE FUNCTION attest_canonical(item jsonb, kind oid) RETURNS jsonb LANGUAGE sql STABLE AS $body$
SELECT CASE
  WHEN item IS NULL OR item = 'null' THEN 'null'::jsonb
  WHEN kind = 'timestamptz'::regtype THEN
    to_jsonb(to_char((item #>> '{}')::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
  WHEN kind = 'numeric'::regtype THEN to_jsonb(item #>> '{}')
  WHEN kind = 'bytea'::regtype THEN to_jsonb(translate(encode((item #>> '{}')::bytea, 'base64'), chr(10), ''))
  ELSE item END
$body$"""
"""As `canonical_value` writes the values of columns."""
ESCAPE = """
CREATE OR REPLACE FUNCTION attest_escape(item jsonb) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $body$ BEGIN
  RETURN CASE jsonb_typeof(item)
    WHEN 'object' THEN coalesce((
      SELECT jsonb_object_agg(CASE WHEN left(each.key, 1) = '$' THEN '$' || each.key ELSE each.key END,
        attest_escape(each.value)) FROM jsonb_each(item) AS each), '{}')
    WHEN 'array' THEN coalesce((
      SELECT jsonb_agg(attest_escape(each.value) ORDER BY each.place)
      FROM jsonb_array_elements(item) WITH ORDINALITY AS each(value, place)), '[]')
    ELSE item END;
END $body$"""
"""As `escape_names` does it. What is no object is not looked into, whatever the order of a CASE is."""
SIDE = """
CREATE OR REPLACE FUNCTION attest_side(item jsonb, kind oid, is_plain boolean, salt text) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $body$
DECLARE canonical jsonb := attest_canonical(item, kind);
BEGIN
  IF canonical = 'null' THEN RETURN canonical; END IF;
  IF is_plain THEN RETURN attest_escape(canonical); END IF;
  RETURN jsonb_build_object('$salt', salt,
    '$external', encode(sha256(convert_to(salt || (canonical #>> '{}'), 'UTF8')), 'hex'));
END $body$"""
ADD = """
CREATE OR REPLACE FUNCTION attest_add_external(changed oid, plain text[], old_row jsonb, new_row jsonb) RETURNS void
LANGUAGE plpgsql AS $body$
DECLARE
  salt text := gen_random_uuid(); found jsonb := '{}'; sides jsonb; name text; kind oid;
  action text := CASE WHEN old_row IS NULL THEN 'create' WHEN new_row IS NULL THEN 'delete' ELSE 'update' END;
BEGIN
  FOR name, kind IN SELECT attname, atttypid FROM pg_attribute
    WHERE attrelid = changed AND attnum > 0 AND NOT attisdropped ORDER BY attnum
  LOOP
    CONTINUE WHEN '-' || name = ANY (plain) OR action = 'update' AND old_row -> name = new_row -> name;
    sides := '{}';
    IF old_row IS NOT NULL THEN
      sides := jsonb_build_object('old', attest_side(old_row -> name, kind, name = ANY (plain), salt));
    END IF;
    IF new_row IS NOT NULL THEN
      sides := sides || jsonb_build_object('new', attest_side(new_row -> name, kind, name = ANY (plain), salt));
    END IF;
    found := found || jsonb_build_object(name, sides);
  END LOOP;
  IF found = '{}' THEN RETURN; END IF;
  INSERT INTO audit_change (at, format, request_id, actor_kind, actor_name, source, action, entity, entity_id, changes,
    redaction_version)
  SELECT clock_timestamp(), 2, 'external', 'service', session_user, 'external', action, relname,
    coalesce(new_row, old_row) ->> 'id', found, 'external' FROM pg_class WHERE oid = changed;
END $body$"""
BACKSTOP = """
CREATE OR REPLACE FUNCTION attest_backstop() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = {schema}, pg_temp AS $body$
DECLARE gone jsonb;
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM attest_add_external(TG_RELID, TG_ARGV, NULL, to_jsonb(made)) FROM new_rows AS made;
  ELSIF TG_OP = 'DELETE' THEN
    PERFORM attest_add_external(TG_RELID, TG_ARGV, to_jsonb(lost), NULL) FROM old_rows AS lost;
  ELSIF TG_OP = 'UPDATE' THEN
    PERFORM attest_add_external(TG_RELID, TG_ARGV, to_jsonb(lost), to_jsonb(made))
      FROM old_rows AS lost FULL JOIN new_rows AS made ON made.id = lost.id;
  ELSE
    FOR gone IN EXECUTE format('SELECT to_jsonb(each) FROM ONLY %s AS each', TG_RELID::regclass) LOOP
      PERFORM attest_add_external(TG_RELID, TG_ARGV, gone, NULL);
    END LOOP;
  END IF;
  RETURN NULL;
END $body$"""
"""It writes as its owner, so that the entry does not depend on the rights of the user that changed a row."""
DROP_UNUSED = """
DO $body$ BEGIN
  DROP FUNCTION IF EXISTS attest_backstop();
  DROP FUNCTION IF EXISTS attest_add_external(oid, text[], jsonb, jsonb);
  DROP FUNCTION IF EXISTS attest_side(jsonb, oid, boolean, text);
  DROP FUNCTION IF EXISTS attest_escape(jsonb);
  DROP FUNCTION IF EXISTS attest_canonical(jsonb, oid);
EXCEPTION WHEN dependent_objects_still_exist THEN NULL;
END $body$"""

FIND_NAMES = "SELECT encode(tgargs, 'escape') FROM pg_trigger WHERE tgname = :name"
NUL = r"\000"
"""What ends each name among the arguments of a trigger."""


@Operations.register_operation("make_backstop")
class MakeBackstop(MigrateOperation):
    """`op.make_backstop("task", "id", "title", "-words")`: of `words` an entry has nothing, of all others digests.

    `op.add_to_backstop` names a column that is added later: until then it counts as secret.
    """

    def __init__(self, table: str, *plain: str) -> None:
        self.table = table
        self.plain = plain

    @classmethod
    def make_backstop(cls, operations: Operations, table: str, *plain: str) -> Any:
        return operations.invoke(cls(table, *plain))


@Operations.register_operation("add_to_backstop")
class AddToBackstop(MakeBackstop):
    """`op.add_to_backstop("task", "-words")`: the same for columns beside those that are named already."""

    @classmethod
    def add_to_backstop(cls, operations: Operations, table: str, *plain: str) -> Any:
        return operations.invoke(cls(table, *plain))


@Operations.register_operation("drop_backstop")
class DropBackstop(MigrateOperation):
    """`op.drop_backstop("task")`: the inverse, for a downgrade."""

    def __init__(self, table: str) -> None:
        self.table = table

    @classmethod
    def drop_backstop(cls, operations: Operations, table: str) -> Any:
        return operations.invoke(cls(table))


@Operations.implementation_for(MakeBackstop)
def make_backstop(operations: Operations, operation: MakeBackstop) -> None:
    bind = operations.get_bind()
    if bind.dialect.name == "postgresql":
        schema = bind.scalar(text("SELECT quote_ident(current_schema())"))
        for statement in (CANONICAL, ESCAPE, SIDE, ADD, BACKSTOP.format(schema=schema)):
            bind.exec_driver_sql(statement)
        for statement in backstop_triggers(operation.table, operation.plain):
            bind.exec_driver_sql(statement)


@Operations.implementation_for(AddToBackstop)
def add_to_backstop(operations: Operations, operation: AddToBackstop) -> None:
    bind = operations.get_bind()
    if bind.dialect.name == "postgresql":
        stored = bind.scalar(text(FIND_NAMES), {"name": f"{operation.table}_backstop_insert"})
        names = dict.fromkeys([*(name for name in stored.split(NUL) if name), *operation.plain])
        make_backstop(operations, MakeBackstop(operation.table, *names))


@Operations.implementation_for(DropBackstop)
def drop_backstop(operations: Operations, operation: DropBackstop) -> None:
    bind = operations.get_bind()
    if bind.dialect.name == "postgresql":
        for verb in VERBS:
            bind.exec_driver_sql(f'DROP TRIGGER IF EXISTS {operation.table}_backstop_{verb} ON "{operation.table}"')
        bind.exec_driver_sql(DROP_UNUSED)


def backstop_triggers(table: str, plain: Sequence[str]) -> Iterator[str]:
    """A trigger for each verb, which does nothing on connections of the application."""
    call = f"EXECUTE FUNCTION attest_backstop({', '.join(repr(name) for name in plain)})"
    is_other = f"WHEN (current_setting('application_name') <> '{MARKER}')"
    for verb, event in VERBS.items():
        name = f"{table}_backstop_{verb}"
        place = event.format(table=f'"{table}"')
        yield f"CREATE OR REPLACE TRIGGER {name} {place} FOR EACH STATEMENT {is_other} {call}"


@renderers.dispatch_for(MakeBackstop)
def render_backstop(_context: AutogenContext, operation: MakeBackstop) -> str:
    arguments = ", ".join(repr(name) for name in (operation.table, *operation.plain))
    return f"op.make_backstop({arguments})  # type: ignore[attr-defined]  # our own operation"
