"""`python -m tests.modules.jobs.process worker`: the command line of the application, with the kinds of the tests."""

import app.__main__  # noqa: F401  # imports all without collections of garbage
from app.cli import cli
from tests.modules.jobs import kinds  # noqa: F401  # declares them

if __name__ == "__main__":  # which it is not in the workers of a server
    cli()
