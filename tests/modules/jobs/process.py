"""`python -m tests.modules.jobs.process worker`: the command line of the application, with the kinds of the tests."""

import tests.modules.jobs.kinds  # noqa: F401  # declares them
from app.cli import cli

if __name__ == "__main__":  # which it is not in the workers of a server
    cli()
