"""The roles of a PostgreSQL database, and what each may do, which follows from the models.

They are groups without a login, to which an operator adds users. Triggers keep the logs from everyone but the owner of
the tables, which is why the application is another role.
"""

from collections.abc import Iterator, Sequence, Set

from sqlalchemy import Connection, text
from sqlmodel import SQLModel

from app.core.config import Settings
from app.core.db.append_only import append_only_models
from app.core.db.connecting import create_engine
from app.core.db.entity import Bookkeeping, DatabaseRole

USERS: Sequence[DatabaseRole] = ("app", "sealer", "auditor")
OWNER, APP, SEALER = "attest_owner", "attest_app", "attest_sealer"
ROLES = (OWNER, *(f"attest_{user}" for user in USERS))
REVISIONS = "alembic_version"
LOCK = 0x726F6C6573
"""`roles`, as the number of an advisory lock: two processes would refuse each other's changes of one catalog row."""

CREATE = """
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN CREATE ROLE {role} NOLOGIN; END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$"""
"""Roles belong to all databases of a server, so that another database may create one at the same moment."""

FIND_MIGHTY = """
SELECT rolname FROM pg_roles WHERE rolname = ANY(:names)
AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls OR rolreplication OR rolcanlogin) ORDER BY 1"""

FIND_OTHERS_OBJECTS = """
WITH own AS (SELECT current_schema()::regnamespace AS schema, :owner ::regrole AS owner), found AS (
  SELECT 'TABLE ' || oid::regclass AS name, oid FROM pg_class, own
  WHERE relnamespace = own.schema AND relkind IN ('r', 'p', 'v', 'm', 'f') AND relowner <> own.owner
  UNION ALL
  SELECT 'ROUTINE ' || oid::regprocedure, oid FROM pg_proc, own
  WHERE pronamespace = own.schema AND proowner <> own.owner
  UNION ALL
  SELECT format('STATISTICS %I.%I', own.schema, stxname), oid FROM pg_statistic_ext, own
  WHERE stxnamespace = own.schema AND stxowner <> own.owner)
SELECT name FROM found WHERE NOT EXISTS (SELECT FROM pg_depend WHERE objid = found.oid AND deptype = 'e')
ORDER BY name"""
"""What extensions brought along stays theirs. A sequence follows its table."""

FIND_OWNER = "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = to_regclass(:table)"
FIND_TABLES = """
SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')"""


class RolesRefused(RuntimeError):
    """The roles cannot be what they should be."""


async def apply_roles(settings: Settings) -> list[str]:
    """Create the roles where they are missing, and give each what the models say. Returns lines that tell of it.

    Past the pooler. The user of the database URL must be a superuser, or own the tables and have CREATEROLE. Raises
    RolesRefused, OSError and SQLAlchemyError.
    """
    engine = create_engine(settings.without_pooler)
    async with engine.begin() as connection:
        return await connection.run_sync(create_and_grant)


def create_and_grant(connection: Connection) -> list[str]:
    """Create the roles, make the owner the owner of everything, and grant the others what they need."""
    connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
    for role in ROLES:
        connection.execute(text(CREATE.format(role=role)))
    if mighty := connection.scalars(text(FIND_MIGHTY), {"names": list(ROLES)}).all():
        raise RolesRefused(f"{', '.join(mighty)} must be NOLOGIN and nothing else: grant it to users that log in")
    if not find_tables(connection):
        raise RolesRefused("the database has no tables yet; run `python -m app migrate` first")
    if not connection.scalar(text("SELECT pg_has_role(:role, 'MEMBER')"), {"role": OWNER}):
        connection.execute(text(f"GRANT {OWNER} TO CURRENT_USER"))
    (schema,) = connection.scalars(text("SELECT quote_ident(current_schema())")).all()
    connection.execute(text(f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC"))
    connection.execute(text(f"GRANT USAGE, CREATE ON SCHEMA {schema} TO {OWNER}"))
    moved = connection.scalars(text(FIND_OTHERS_OBJECTS), {"owner": OWNER}).all()
    for name in moved:
        connection.execute(text(f"ALTER {name} OWNER TO {OWNER}"))
    grant(connection)
    return [f"{OWNER} owns the tables and functions; {len(moved)} were of others.", *map(describe, USERS)]


def describe(role: DatabaseRole) -> str:
    """What a role may do, in a line."""
    allowed = privileges(role).values()
    counts = {verb: sum(verb in verbs for verbs in allowed) for verb in ("SELECT", "INSERT", "UPDATE", "DELETE")}
    return f"attest_{role}: " + ", ".join(f"{verb} on {count} tables" for verb, count in counts.items() if count) + "."


def is_owned(connection: Connection) -> bool:
    """Whether `create_and_grant` was run in this database, and the user may act as the owner."""
    if connection.scalar(text(FIND_OWNER), {"table": REVISIONS}) != OWNER:
        return False
    return bool(connection.scalar(text("SELECT pg_has_role(:role, 'MEMBER')"), {"role": OWNER}))


def find_tables(connection: Connection) -> set[str]:
    """The tables of the database that the models know, and that of its revisions."""
    known = {REVISIONS, *SQLModel.metadata.tables}
    return known & set(connection.scalars(text(FIND_TABLES)).all())


def grant(connection: Connection) -> None:
    """Give each role exactly what the models say, in the tables that there are, and in new ones the least.

    A table that a migration adds without `roles` behind it can be read and added to.
    """
    (schema,) = connection.scalars(text("SELECT quote_ident(current_schema())")).all()
    for statement in grants(schema, find_tables(connection)):
        connection.execute(text(statement))


def grants(schema: str, tables: Set[str]) -> Iterator[str]:
    """The statements that do so."""
    users, future = ", ".join(ROLES[1:]), f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} IN SCHEMA {schema} GRANT"
    yield f"GRANT USAGE ON SCHEMA {schema} TO {users}"
    yield f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {users}"
    for role in USERS:
        for table, verbs in sorted(privileges(role).items()):
            if table in tables:
                yield f'GRANT {", ".join(sorted(verbs))} ON {schema}."{table}" TO attest_{role}'
    yield f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {APP}, {SEALER}"
    yield f"GRANT EXECUTE ON ALL ROUTINES IN SCHEMA {schema} TO {APP}"
    yield f"{future} SELECT, INSERT ON TABLES TO {APP}"
    yield f"{future} USAGE ON SEQUENCES TO {APP}, {SEALER}"
    yield f"{future} EXECUTE ON ROUTINES TO {APP}"


def privileges(role: DatabaseRole) -> dict[str, set[str]]:
    """What a role may do with each table, as GRANT names it."""
    found = {name: verbs_of(role, name) for name in SQLModel.metadata.tables}
    found[REVISIONS] = {"SELECT"} if role == "app" else set()
    return {name: verbs for name, verbs in found.items() if verbs}


def verbs_of(role: DatabaseRole, table: str) -> set[str]:
    """What a role may do with the rows of a table. The application reads all, and prunes what is too old."""
    model = bookkeeping_models().get(table, Bookkeeping)
    writes, is_log = role in model.written_by, table in append_only_models()
    verbs = {"SELECT"} if writes or role == "app" or role in model.read_by else set()
    if writes and is_log:
        verbs |= {"INSERT", *update_of(model)}
    elif writes:
        verbs |= {"INSERT", "UPDATE", "DELETE"}
    if is_log and role == "app" and (model.is_removable or model.removable_after or model.removal_recorded_in):
        verbs.add("DELETE")
    return verbs


def update_of(model: type[Bookkeeping]) -> list[str]:
    """The right to change the columns that an append-only table lets change."""
    return [f"UPDATE ({', '.join(sorted(model.changeable_columns))})"] if model.changeable_columns else []


def bookkeeping_models() -> dict[str, type[Bookkeeping]]:
    """Every model whose changes leave no entry, by table name. All others are of the application."""
    classes = (mapper.class_ for mapper in SQLModel._sa_registry.mappers)
    return {str(model.__tablename__): model for model in classes if issubclass(model, Bookkeeping)}
