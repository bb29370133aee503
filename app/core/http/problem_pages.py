"""The pages to which the `type` of a problem leads: what happened, what to do, and an example.

What they say is said where the problem is: its docstring, `remedy` and `example`. HTML for browsers, JSON for programs.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from html import escape
from http import HTTPStatus
from inspect import cleandoc
from string import Template
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from app.core.errors import NotFound, Problem
from app.core.http.accept import requested_file_type
from app.core.http.assets import Asset
from app.core.http.guards import public
from app.core.http.problem_details import problem_body, problem_type
from app.core.http.route import Route
from app.core.http.site import KEPT_FOR_A_DAY, PAGE_CSP, STATIC, render, respond
from app.core.http.state import state_of

HTML, JSON = "text/html", "application/json"
SAMPLE_ID = "01a1feac-9116-773e-9009-28bf72f10a5f"
INDEX = "problems"

router = APIRouter(route_class=Route, include_in_schema=False, dependencies=[public()])


@dataclass(frozen=True)
class Explanation:
    """What a code means. `example` is a whole problem document."""

    code: str
    type: str
    status: int
    title: str
    what_happened: str
    what_to_do: str
    example: dict[str, Any]


def problem_classes(kind: type[Problem] = Problem) -> Iterator[type[Problem]]:
    """Every class of problems that has a code of its own."""
    if "code" in vars(kind):
        yield kind
    for below in kind.__subclasses__():
        yield from problem_classes(below)


def explain_code(kind: type[Problem], root_path: str = "") -> Explanation:
    """The explanation of a class of problems, from what it declares."""
    happened = " ".join(cleandoc(kind.__doc__ or "").partition("\n\n")[0].split())
    example = vars(kind).get("example")
    return Explanation(
        code=kind.code,
        type=problem_type(kind.code, root_path),
        status=int(kind.status),
        title=HTTPStatus(kind.status).phrase,
        what_happened=happened,
        what_to_do=kind.remedy,
        example=problem_body(
            kind.status,
            kind.code,
            happened,
            f"{root_path}/path/of/the/request",
            SAMPLE_ID,
            [example] if example else None,
            root_path=root_path,
        ),
    )


def to_html(name: str, values: dict[str, str]) -> str:
    """The page `name` of our own files, filled with `values`, which are HTML."""
    return Template((STATIC / name).read_text()).substitute(values)


def prose(text: str) -> str:
    """`text` as HTML, with what is in backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))


def explanation_page(explanation: Explanation) -> str:
    example = orjson.dumps(explanation.example, option=orjson.OPT_INDENT_2).decode()
    values = {name: prose(str(value)) for name, value in asdict(explanation).items() if name != "example"}
    return to_html("problem.html", {**values, "example": escape(example, quote=False)})


def index_page(explanations: list[Explanation]) -> str:
    rows = "\n".join(
        f'        <li><a href="/problems/{each.code}">{each.code}</a> {each.status}: {prose(each.what_happened)}</li>'
        for each in explanations
    )
    return to_html("problems.html", {"rows": rows})


async def negotiate(
    request: Request, name: str, build_document: Callable[[], Any], build_page: Callable[[], str]
) -> Response:
    """The page where the client prefers HTML, else the document as JSON."""
    kind = requested_file_type(request.headers.get("accept", ""), {HTML: "html"}) or JSON
    settings = state_of(request).settings

    def build() -> Asset:
        headers = {"Cache_Control": KEPT_FOR_A_DAY, "Vary": "Accept, Accept-Encoding"}
        if kind == JSON:
            return Asset.build(orjson.dumps(build_document()), JSON, **headers)
        page = render(build_page(), settings).encode()
        return Asset.build(page, f"{HTML}; charset=utf-8", Content_Security_Policy=PAGE_CSP, **headers)

    return await respond(request, f"{name} {kind}", build)


@router.get("/problems")
async def list_problems(request: Request) -> Response:
    """Every code, in the order of its status."""
    root_path = state_of(request).settings.root_path

    def explanations() -> list[Explanation]:
        found = [explain_code(kind, root_path) for kind in problem_classes()]
        return sorted(found, key=lambda each: (each.status, each.code))

    return await negotiate(
        request, INDEX, lambda: {"items": list(map(asdict, explanations()))}, lambda: index_page(explanations())
    )


@router.get("/problems/{code}")
async def explain_problem(request: Request, code: str) -> Response:
    """The explanation of one code. Raises NotFound."""
    kind = next((kind for kind in problem_classes() if kind.code == code), None)
    if kind is None:
        raise NotFound("There is no such code of a problem.")
    explanation = explain_code(kind, state_of(request).settings.root_path)
    return await negotiate(
        request, f"{INDEX}/{code}", lambda: asdict(explanation), lambda: explanation_page(explanation)
    )
