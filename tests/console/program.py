"""`python -m tests.console.program serve`: the command line of the application, with jobs and a schedule to look at."""

import app.__main__  # noqa: F401  # imports all without collections of garbage
from app.cli import cli
from app.core.jobs import cron
from tests.console.jobs import YEARLY
from tests.modules.jobs.kinds import make_for_tick

cron("0 0 1 1 *", name=YEARLY)(make_for_tick)

if __name__ == "__main__":  # which it is not in the workers of a server
    cli()
