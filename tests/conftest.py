"""Where the fixtures of all tests live: `tests/fixtures`, by what they give."""

import os

from tests.people import SignedInAs

__all__ = ["SignedInAs"]  # tests/architecture and scripts/templates still import it from here

os.environ["ENVIRONMENT"] = "test"

pytest_plugins = (
    "tests.fixtures.report",
    "tests.fixtures.databases",
    "tests.fixtures.application",
    "tests.fixtures.servers",
)
