"""Where the fixtures of all tests live: `tests/fixtures`, by what they give."""

import gc
import os
import sys

gc.disable()  # until all tests are collected: see tests/fixtures/garbage.py

from tests.scratch import use_memory  # noqa: E402  # see above

use_memory()
os.environ["ENVIRONMENT"] = "test"
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else every process that a test starts compiles all sources again
sys.dont_write_bytecode = False  # and every process of pytest rewrites all assertions

pytest_plugins = (
    "tests.fixtures.garbage",
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
