"""While contract tests run, every answer must be one that the document declares."""

import re
from functools import cache

import httpx
import pytest

from app.main import app as served

EVERYWHERE = {"405", "414", "431"}
"""What any address may answer, and `default` stands for."""


@cache
def declared() -> list[tuple[str, re.Pattern[str], set[str]]]:
    """(method, path, statuses) of every operation."""
    found = []
    for path, item in served.openapi()["paths"].items():
        pattern = re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)))
        found += [(method.upper(), pattern, set(operation["responses"])) for method, operation in item.items()]
    return found


async def check(answer: httpx.Response) -> None:
    method, path = answer.request.method, answer.request.url.path
    method = "GET" if method == "HEAD" else method
    statuses = next((known for verb, pattern, known in declared() if verb == method and pattern.fullmatch(path)), None)
    assert statuses is not None, f"the document has no operation {method} {path}"
    assert str(answer.status_code) in statuses | EVERYWHERE, f"{method} {path} does not declare {answer.status_code}"


@pytest.fixture(autouse=True)
def only_declared_answers(request: pytest.FixtureRequest) -> None:
    if "client" in request.fixturenames:
        client: httpx.AsyncClient = request.getfixturevalue("client")
        client.event_hooks["response"].append(check)
