"""A start does not do what only some requests or commands need."""

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

ROOT = Path(__file__).parents[2]
SLOW = (
    "alembic",
    "mako",
    "taskiq",
    "aiohttp",
    "pyarrow",
    "httpx",
    "redis",
    "aio_pika",
    "nats",
    "openpyxl",
    "pydantic.v1",
)
"""What takes long to import, and is for one command, one setting or one job."""
START = f"""
import sys

import orjson

import app.cli
from app.core.db.entity import Entity
from app.core.http.late_route import LateRoute
from app.core.resources.schemas import ResponseSchema, Schema


def all_of(base):
    return [base, *(below for kind in base.__subclasses__() for below in all_of(kind))]


def is_generic(kind):  # Pydantic builds it for each of its parameters
    return bool(kind.__pydantic_generic_metadata__["parameters"])


schemas = [kind for base in (Schema, ResponseSchema, Entity) for kind in all_of(base)]
routes = [route for route in app.cli.app.router.routes if isinstance(route, LateRoute)]
print(orjson.dumps({{
    "slow": [name for name in {SLOW!r} if name in sys.modules],
    "routes": len(routes),
    "analysed": [route.path for route in routes if "dependant" in vars(route)],
    "schemas": len(schemas),
    "built": [kind.__qualname__ for kind in schemas if kind.__pydantic_complete__ and not is_generic(kind)],
}}).decode())
"""


@pytest.fixture(scope="module")
def start() -> dict[str, list[str] | int]:
    """What a process that only imports the command line has."""
    done = subprocess.run([sys.executable, "-c", START], cwd=ROOT, check=True, capture_output=True)
    found: dict[str, list[str] | int] = orjson.loads(done.stdout)
    return found


def test_a_start_imports_nothing_that_one_command_needs(start: dict[str, list[str] | int]) -> None:
    assert start["slow"] == []


def test_a_start_analyses_no_route(start: dict[str, list[str] | int]) -> None:
    assert start["routes"] > 200  # type: ignore[operator]  # a number
    assert start["analysed"] == []


def test_a_start_builds_no_schema_of_modules(start: dict[str, list[str] | int]) -> None:
    assert start["schemas"] > 200  # type: ignore[operator]  # a number
    assert start["built"] == []
