"""`python -m app …`: serve, witness, migrate, limits, roles, seed, create-superuser, openapi, and what modules add."""

import asyncio
import inspect
import os
import sys
from collections.abc import Awaitable, Callable
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any, TypeVar

import orjson
import structlog
import typer
import uvloop
from pydantic import SecretStr, ValidationError
from sqlalchemy.exc import SQLAlchemyError

from app.core.config import Environment, Settings, settings
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.integrity import to_problem
from app.core.db.postgresql import connection_errors
from app.core.db.revisions import is_migrated
from app.core.db.role_limits import set_limits
from app.core.db.roles import RolesRefused, apply_roles
from app.core.errors import Problem
from app.core.http.module_hooks import Command
from app.core.runtime import logging, server
from app.core.security.passwords import PasswordHasher
from app.main import Application, app, open_database
from app.modules import hooks
from app.modules.users import UserCreate, UserService
from app.witness import WITNESS_ERRORS, load_rules, load_witness

T = TypeVar("T")
log = structlog.get_logger(__name__)

UNABLE = 2
"""The exit code of a command that could not do its work; 1 is what a command has found out, or refuses."""
INTERRUPTED = 130

cli = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Attest: a back-office API with a complete audit log.",
)


@cli.callback()
def configure_logs(context: typer.Context) -> None:
    """Send the log of a command to stderr, because its output is for others to read; a server logs to stdout."""
    is_server = context.invoked_subcommand in {serve.__name__, witness.__name__}
    try:
        options = settings()
    except ValidationError as error:
        reasons = [f"{'__'.join(map(str, detail['loc']))} {detail['msg']}".strip() for detail in error.errors()]
        refuse("; ".join(reasons))
        raise typer.Exit(UNABLE) from None
    logging.configure(options, sys.stdout if is_server else sys.stderr)


def with_database(work: Callable[[Database], Awaitable[T]]) -> T:
    """Run `work` on the configured database, and close every connection."""

    async def run() -> T:
        database = open_database(settings())
        try:
            return await work(database)
        finally:
            await database.dispose()

    return uvloop.run(run())


@cli.command()
def serve(
    host: str = "127.0.0.1",
    port: int = 8000,
    workers: Annotated[int | None, typer.Option(min=1, help="Default: WEB_CONCURRENCY, or 1.")] = None,
    root_path: Annotated[str | None, typer.Option(help="Path at which a proxy serves it. Default: ROOT_PATH.")] = None,
) -> None:
    """Serve the API. SIGTERM stops accepting, finishes the requests in flight, and closes every connection."""
    if workers is not None:
        os.environ["WEB_CONCURRENCY"] = str(workers)
    if root_path is not None:
        os.environ["ROOT_PATH"] = root_path
    app.state.settings = options = Settings()  # again: the application was made before it knew these options
    logging.configure(options)
    try:
        server.serve(load_api, options, host, port)
    except server.StartRefused as error:
        raise typer.Exit(refuse(str(error))) from error


def load_api() -> Application:
    """The application of a worker."""
    return app


@cli.command()
def witness(
    key: Annotated[Path, typer.Option(help="PEM file of the Ed25519 private key that cosigns.")],
    name: Annotated[str, typer.Option(help="Name in the cosignatures: a URL without its scheme, witness.example.com.")],
    log: Annotated[list[str], typer.Option(help="Verifier key of a log; its name is the origin. For several, repeat.")],
    state: Annotated[Path, typer.Option(help="Folder of the newest checkpoints, which must never be lost.")],
    host: str = "127.0.0.1",
    port: int = 8001,
) -> None:
    """Serve a witness, which cosigns checkpoints of other audit logs as long as they only grow."""
    try:
        rules = load_rules(key, name, log, state)
        typer.echo(f"Verifier key of this witness: {rules.cosigner.key}")
        server.serve(partial(load_witness, key, name, log, state), Settings(), host, port)
    except (*WITNESS_ERRORS, server.StartRefused) as error:
        raise typer.Exit(refuse(str(error))) from error


@cli.command()
def migrate() -> None:
    """Bring the database to the newest revision."""
    if is_migrated(settings()):
        return
    from app.core.db.migrations import upgrade  # noqa: PLC0415  # Alembic is slow to import, and a server does not need it

    upgrade(settings())


@cli.command()
def limits(
    *,
    apply: Annotated[bool, typer.Option("--apply", help="Run the SQL too, over DATABASE__DIRECT_URL.")] = False,
) -> None:
    """Print the SQL that gives the role of DATABASE_URL its time limits, which it needs behind a pooler."""
    if settings().is_sqlite:
        raise typer.Exit(refuse("SQLite has no roles"))
    try:
        statements = asyncio.run(set_limits(settings(), apply=apply))
    except connection_errors() as error:
        raise typer.Exit(refuse(str(error) or "the database does not answer")) from None
    typer.echo("\n".join(statements))


@cli.command()
def roles() -> None:
    """Create the roles attest_owner, _app, _sealer and _auditor, with their rights. Run it as the owner."""
    if settings().is_sqlite:
        refuse("SQLite has no roles")
        raise typer.Exit(UNABLE)
    try:
        lines = asyncio.run(apply_roles(settings()))
    except (OSError, TimeoutError, SQLAlchemyError, RolesRefused) as error:
        raise typer.Exit(refuse(str(error) or "the database does not answer")) from None
    typer.echo("\n".join(lines))


@cli.command()
def seed(
    count: Annotated[int, typer.Option(min=1, max=500, help="Products, customers and tasks, of each.")] = 500,
) -> None:
    """Add demo data where it is missing, and print the passwords that this run generated."""
    if settings().environment is Environment.production:
        raise typer.Exit(refuse("demo data has no place in production"))
    from seeds import seed as seed_demo_data  # noqa: PLC0415  # demo data is not part of a server

    credentials = with_database(lambda database: seed_demo_data(database, count))
    if not credentials:
        typer.echo("The demo users are there already; use `create-superuser` to add another account.")
        return
    typer.echo("Demo users and their passwords (random, shown once, stored nowhere in clear):")
    for name, password in credentials.items():
        typer.echo(f"  {name:<10} {password}")


@cli.command("create-superuser")
def create_superuser(username: Annotated[str, typer.Option()], email: Annotated[str, typer.Option()]) -> None:
    """Create a superuser; the password comes from SUPERUSER_PASSWORD or a prompt, and the policy applies."""
    password = os.environ.get("SUPERUSER_PASSWORD") or typer.prompt(
        "Password", hide_input=True, confirmation_prompt=True
    )

    async def create(database: Database) -> None:
        data = UserCreate(username=username, email=email, password=SecretStr(password), is_superuser=True)
        hasher = PasswordHasher(queue=1)
        try:
            async with database.unit_of_work(RequestContext.for_job("create-superuser")) as session:
                await UserService(session, hasher).create(data)
        finally:
            hasher.close()

    try:
        with_database(create)
    except ValidationError as error:
        reasons = [f"{detail['loc'][0]}: {detail['msg']}" for detail in error.errors(include_input=False)]
        raise typer.Exit(refuse("; ".join(reasons))) from error
    except (Problem, SQLAlchemyError) as error:
        problem = error if isinstance(error, Problem) else to_problem(error)
        if problem is None:
            raise
        reasons = [detail["detail"] for detail in problem.errors or []]
        raise typer.Exit(refuse("; ".join(reasons) or problem.detail)) from None
    typer.echo(f"Superuser {username} can sign in.")


def refuse(reason: str) -> int:
    """Print why the command did nothing, and return its exit code."""
    typer.echo(f"Refused: {reason}", err=True)
    return 1


@cli.command("openapi")
def print_openapi() -> None:
    """Print the OpenAPI document."""
    typer.echo(orjson.dumps(app.openapi(), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))


def runner_of(command: Command) -> Callable[..., None]:
    """What the command line calls for a command of a module: it takes what the command takes beside the database."""

    def run(**options: Any) -> None:
        try:
            result = with_database(lambda database: command(database, **options))
        except Exception as error:
            log.exception("command_failed")
            raise typer.Exit(UNABLE) from error
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        typer.echo("\n".join(result.lines))
        if result.exit_code:
            raise typer.Exit(result.exit_code)

    _, *taken = inspect.signature(command, eval_str=True).parameters.values()
    run.__signature__ = inspect.Signature(taken)  # type: ignore[attr-defined]  # which Typer reads
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in taken}
    return run


@cache
def group_of(name: str) -> typer.Typer:
    """The command line, or below it the group of this name."""
    if not name:
        return cli
    group = typer.Typer(no_args_is_help=True, help=f"Commands for {name}.")
    cli.add_typer(group, name=name)
    return group


for module in hooks():
    for name, command in module.commands.items():
        group, _, verb = name.rpartition(" ")
        group_of(group).command(verb, help=command.__doc__)(runner_of(command))
