"""The `type` of every problem is a page that says what happened and what to do."""

import subprocess
import sys
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import httpx
import pytest

import app
from app.core.errors import Problem
from app.core.http.problem_pages import explain_code, problem_classes

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
HOST = "http://attest.test"


def every_class() -> list[type[Problem]]:
    """The classes with a code in all files of the application, imported or not."""
    for found in walk_packages(app.__path__, "app."):
        if not found.name.endswith("__main__"):
            import_module(found.name)
    return [kind for kind in problem_classes() if kind.__module__.startswith("app.")]


KINDS = {kind.code: kind for kind in every_class()}


def test_every_code_is_of_one_class() -> None:
    assert len(KINDS) == len(every_class()) >= 40


@pytest.mark.parametrize("code", sorted(KINDS))
def test_every_code_is_explained_where_it_is_declared(code: str) -> None:
    kind = KINDS[code]

    explanation = explain_code(kind)

    assert "remedy" in vars(kind), f"{kind.__name__} does not say what to do"
    for sentence in (explanation.what_happened, explanation.what_to_do):
        assert sentence[:1].isupper()
        assert sentence.endswith(".")
    assert explanation.example["code"] == code
    assert explanation.example["status"] == int(kind.status)


def test_the_application_knows_every_code() -> None:
    """A class in a file that a server does not import would have no page."""
    script = (
        "import app.main; from app.core.http.problem_pages import problem_classes as p; print(*(k.code for k in p()))"
    )

    served = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout

    assert set(served.split()) == set(KINDS)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_the_type_of_a_problem_leads_to_its_page(client: httpx.AsyncClient) -> None:
    problem = (await client.get("/tasks")).json()

    as_json = await client.get(HOST + problem["type"], headers={"Accept": "application/json"})
    by_default = await client.get(HOST + problem["type"])
    as_html = await client.get(HOST + problem["type"], headers={"Accept": BROWSER})

    assert (problem["type"], as_json.status_code) == ("/problems/unauthenticated", 200)
    explanation: dict[str, Any] = as_json.json()
    assert {name: explanation[name] for name in ("code", "type", "status", "title")} == {
        name: problem[name] for name in ("code", "type", "status", "title")
    }
    assert explanation["what_to_do"] == KINDS["unauthenticated"].remedy
    assert explanation["example"].keys() == problem.keys()
    assert by_default.content == as_json.content
    assert as_html.headers["content-type"] == "text/html; charset=utf-8"
    assert explanation["what_to_do"] in as_html.text
    assert "script-src 'self';" in as_html.headers["content-security-policy"]
    for answer in (as_json, as_html):
        assert answer.headers["vary"] == "Accept, Accept-Encoding"
        assert "max-age" in answer.headers["cache-control"]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_the_index_lists_every_code_with_a_link(client: httpx.AsyncClient) -> None:
    as_json = (await client.get(f"{HOST}/problems")).json()
    as_html = (await client.get(f"{HOST}/problems", headers={"Accept": BROWSER})).text
    unknown = await client.get(f"{HOST}/problems/no-such-code")

    assert {item["code"] for item in as_json["items"]} == set(KINDS)
    assert all(f'href="/problems/{code}"' in as_html for code in KINDS)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not-found")
