"""`python -m tests.modules.jobs.scheduled scheduler`: the command line of the application, with a schedule of tests."""

import app.__main__  # noqa: F401  # imports all without collections of garbage
from app.cli import cli
from app.core.jobs import every
from tests.modules.jobs.kinds import make_for_tick

every(1, name="tests.second", grace=3600)(make_for_tick)

if __name__ == "__main__":  # which it is not in the workers of a server
    cli()
