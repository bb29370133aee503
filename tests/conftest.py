"""Where the fixtures of all tests live: `tests/fixtures`, by what they give."""

import os
import sys

from tests.scratch import use_memory

use_memory()
os.environ["ENVIRONMENT"] = "test"
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else every process that a test starts compiles all sources again
sys.dont_write_bytecode = False  # and every process of pytest rewrites all assertions

pytest_plugins = (
    "tests.fixtures.report",
    "tests.fixtures.order",
    "tests.fixtures.measure",
    "tests.fixtures.process",
    "tests.fixtures.databases",
    "tests.fixtures.application",
    "tests.fixtures.logs",
    "tests.fixtures.servers",
    "tests.fixtures.brokers",
    "tests.fixtures.reads",
)
