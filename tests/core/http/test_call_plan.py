"""A plan gives an endpoint the arguments that FastAPI would give it, and finds the same errors."""

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
from fastapi import BackgroundTasks, Body, Cookie, Depends, FastAPI, File, Header, Query, Request, Response
from fastapi._compat import Undefined
from fastapi.dependencies.utils import solve_dependencies
from fastapi.exceptions import RequestValidationError
from fastapi.routing import RouteContext, iter_route_contexts
from fastapi.security import SecurityScopes
from pydantic import BaseModel, Field, ValidationError
from starlette.datastructures import FormData
from starlette.responses import HTMLResponse
from starlette.types import Scope

from app.core.clock import new_id, now
from app.core.context import Principal, RequestContext
from app.core.http.call_plan import UnsupportedDeclaration
from app.core.http.guards import public
from app.core.http.parameters import NO_BODY
from app.core.http.query_parameters import flatten
from app.core.http.route import Route, names_of
from app.core.http.route_index import RouteIndex
from app.core.http.router import Router
from app.core.http.scalar_forms import Form, form_of, forms_of
from app.main import API

UUIDS = ("01890000-0000-7000-8000-000000000000", "01890000-0000-7000-8000-00000000000A")
TEXTS = (
    *("", "x", "0", "7", "101", "9" * 30, "true", "exact", "only", "-created_at", "2026-01-31", "2026-01-31T12:00:00Z"),
    *("19.90", "é", "x" * 5000, UUIDS[0], "todo", "active", "tasks:read", "user"),
)
"""Values of which each is right for some parameters and wrong for others."""

DOCUMENTS: tuple[Any, ...] = (
    *(
        {},
        [],
        {"delete": [{"id": UUIDS[0]}]},
        {"role_ids": []},
        {"items": []},
        {"username": "someone", "email": "someone@example.com", "is_service": True},
    ),
    *({"token": "x"}, {"password": "correct horse battery staple"}),
)
"""Bodies of which each is valid for some routes."""

Outcome = tuple[dict[str, Any], list[Any]]
"""Arguments and errors."""
Scalars = dict[tuple[str, str], Form]
"""Forms of parameters, by their places in a URL."""


def request_to(
    app: FastAPI, included: RouteContext, path: str, query: str = "", headers: tuple[tuple[str, str], ...] = ()
) -> Request:
    """A request to `path`, as its route gets it when its guard has admitted it."""
    principal = Principal(new_id(), "someone", frozenset("*"), now(), session_id=new_id())
    context = RequestContext(principal=principal, reason="as agreed")
    session = app.state.database.read_session(context)
    scope: Scope = {
        "type": "http",
        "method": next(iter(included.methods or ())),
        "path": path,
        "root_path": "",
        "app": app,
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
        "state": {"context": context, "session": session, "batches": object(), "upload": None},
    }
    return Request({**scope, **included.matches(scope)[1]})


def comparable(outcome: Outcome) -> Outcome:
    """Services are compared by their types: each outcome has its own. A default of a model can be the time."""
    arguments, errors = outcome
    kept = (str, int, UUID, dict, type(None), Principal)
    given = {
        name: value.model_dump(exclude_unset=True) if isinstance(value, BaseModel) else value
        for name, value in arguments.items()
    }
    plain = {name: value if isinstance(value, kept) else type(value) for name, value in given.items()}
    return plain, [{**error, "ctx": str(error.get("ctx"))} for error in errors]


async def outcome_of_plan(route: Route, request: Request, body: Any) -> Outcome:
    try:
        return await route.plan.read_arguments(request, body), []
    except RequestValidationError as error:
        return {}, list(error.errors())


async def outcome_of_fastapi(route: Route, request: Request, body: Any) -> Outcome:
    async with AsyncExitStack() as stack:
        request.scope.update(fastapi_inner_astack=stack, fastapi_function_astack=stack)
        solved = await solve_dependencies(
            request=request,
            dependant=route.dependant,
            body=Undefined if body is NO_BODY else body,
            async_exit_stack=stack,
            embed_body_fields=False,
        )
    return ({} if solved.errors else solved.values), solved.errors


def scalars_of(route: Route) -> Scalars:
    """The numbers and truth values in the URL of a route, by their places."""
    forms: Scalars = {}
    for part in flatten(route.dependant):
        for field in part.query_params:
            model = field.field_info.annotation
            named = forms_of(getattr(model, "model_fields", {field.alias: field.field_info}))
            forms |= {("query", name): form for name, form in named.items()}
        for field in part.path_params:
            if (form := form_of(field.field_info.annotation)) is not None:
                forms["path", field.alias] = form
    return forms


def misspelt_scalars(forms: Scalars, request: Request) -> set[tuple[str, str]]:
    """The numbers and truth values in the URL that are not in the form of JSON, in which FastAPI takes them too."""
    given = [(("query", name), text) for name, text in request.query_params.multi_items()]
    given += [(("path", name), text) for name, text in request.path_params.items() if isinstance(text, str)]
    return {place for place, text in given if place in forms and not forms[place].allows(text)}


def queries_of(route: Route) -> Iterator[str]:
    """Query strings: none, each parameter with each value, twice the same, and all of them at once.

    How a list is written to a file is asked of the route, not of the endpoint.
    """
    names = sorted(route.preflight.query_parameters - set(names_of(route.file_options)))
    yield ""
    for name in names:
        yield from (urlencode([(name, text)]) for text in TEXTS)
        yield urlencode([(name, "1"), (name, "x"), (name, "")])
    for text in TEXTS if names else ():
        yield urlencode([(name, text) for name in names])


def paths_of(template: str) -> Iterator[str]:
    for value in (*UUIDS, "7", "x", "-1", "9" * 30):
        yield "/".join(value if part.startswith("{") else part for part in template.split("/"))
        if "{" not in template:
            return


def read_by(route: Route) -> Any:
    """A body as the route has read it: the example of its schema, something else that is valid, or an empty object."""
    schema = route.body_field.field_info.annotation if route.body_field else None
    if route.adapter is None or schema is None:
        return NO_BODY
    for document in (*route.adapter.json_schema().get("examples", []), *DOCUMENTS):
        try:
            return route.adapter.validate_python(document)
        except ValidationError:
            continue
    assert isinstance(schema, type)
    assert issubclass(schema, BaseModel), route.path
    return schema.model_construct()


def bodies_of(route: Route) -> Iterator[Any]:
    """What the route may have read: nothing, and where it takes a form, forms."""
    yield NO_BODY
    if route.adapter is None and route.body_field is not None:
        fields = ("grant_type", "username", "password", "otp", "scope")
        for text in TEXTS:
            yield FormData([(name, text) for name in fields])
        yield from (FormData([]), FormData([("username", "a"), ("username", "b"), ("password", "c"), ("extra", "d")]))


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_every_route_gets_what_fastapi_would_give_it(app: FastAPI) -> None:
    """Each operation of the document, with values of its parameters that are right and wrong."""
    seen: Counter[str] = Counter()

    async def compare(route: Route, request: Request, body: Any, scalars: Scalars) -> None:
        expected = comparable(await outcome_of_fastapi(route, request, body))
        found = comparable(await outcome_of_plan(route, request, body))
        if misspelt := misspelt_scalars(scalars, request):
            assert found[0] == {}
            assert misspelt <= {error["loc"] for error in found[1]}, (route.path, request.url)
        else:
            assert found == expected, (route.path, request.url)
        seen["wrong" if found[1] else "right"] += 1
        seen[route.unique_id] += 1
        await asyncio.sleep(0)  # the application works in the background meanwhile

    for included in iter_route_contexts(app.routes):
        route = included.original_route
        assert isinstance(route, Route)
        paths = [path for path in paths_of(str(included.path_format)) if included.path_regex.match(path)]
        body, scalars = read_by(route), scalars_of(route)
        for query in queries_of(route):
            await compare(route, request_to(app, included, paths[0], query), body, scalars)
        for path in paths:
            await compare(route, request_to(app, included, path), body, scalars)
        for name in {field.alias for part in flatten(route.dependant) for field in part.header_params}:
            for text in TEXTS:
                await compare(route, request_to(app, included, paths[0], headers=((name, text),)), body, scalars)
        for other in bodies_of(route):
            await compare(route, request_to(app, included, paths[0]), other, scalars)

    operations = sum(len(item) for item in app.openapi()["paths"].values())
    assert len(seen) - 2 >= operations >= 100
    assert min(seen["wrong"], seen["right"]) >= 1000


def route_of(endpoint: Callable[..., Any], path: str = "/planned", **options: Any) -> Route:
    return Route(path, endpoint, dependencies=[public()], **options)


async def arguments_of(endpoint: Callable[..., Any], body: Any = NO_BODY, **scope: Any) -> dict[str, Any]:
    """The arguments of `endpoint` for a request with this scope."""
    request = Request({"type": "http", "method": "GET", "query_string": b"", "headers": [], **scope})
    return await route_of(endpoint).plan.read_arguments(request, body)


async def test_a_dependency_runs_once_for_a_request() -> None:
    runs: list[str] = []

    async def base() -> str:
        runs.append("base")
        return "base"

    async def above(value: Annotated[str, Depends(base)]) -> str:
        return f"above {value}"

    async def fresh() -> int:
        runs.append("fresh")
        return len(runs)

    async def endpoint(
        first: Annotated[str, Depends(above)],
        second: Annotated[str, Depends(base)],
        third: Annotated[int, Depends(fresh, use_cache=False)],
        fourth: Annotated[int, Depends(fresh, use_cache=False)],
    ) -> None: ...

    arguments = await arguments_of(endpoint)

    assert arguments == {"first": "above base", "second": "base", "third": 2, "fourth": 3}
    assert runs == ["base", "fresh", "fresh"]


async def test_nothing_runs_on_an_invalid_parameter_and_all_errors_are_told() -> None:
    runs: list[str] = []

    async def below(size: int) -> int:
        runs.append("below")
        return size

    async def above(size: Annotated[int, Depends(below)]) -> int:
        runs.append("above")
        return size

    async def beside() -> None:
        runs.append("beside")

    async def endpoint(
        first: Annotated[int, Depends(above)], second: Annotated[None, Depends(beside)], length: int
    ) -> None: ...

    with pytest.raises(RequestValidationError) as raised:
        await arguments_of(endpoint, query_string=b"size=x&length=y")

    assert [error["loc"] for error in raised.value.errors()] == [("query", "size"), ("query", "length")]
    assert runs == ["beside"]


async def test_what_is_not_async_runs_in_a_thread() -> None:
    class Service:
        def __init__(self, request: Request) -> None:
            self.thread = threading.get_ident()

    class AsyncCall:
        async def __call__(self) -> int:
            return threading.get_ident()

    def endpoint(service: Annotated[Service, Depends()], own: Annotated[int, Depends(AsyncCall())]) -> int:
        return threading.get_ident()

    arguments = await arguments_of(endpoint)

    assert arguments["service"].thread != threading.get_ident() == arguments["own"]
    assert await route_of(endpoint).plan.endpoint.call(**arguments) != threading.get_ident()


class Filter(BaseModel):
    """The parameters of a list."""

    words: list[str] = []
    size: int = Field(3, alias="length")


async def test_unusual_parameters_are_read_as_fastapi_reads_them() -> None:
    async def endpoint(
        query: Annotated[Filter, Query()],
        seen: Annotated[list[int], Query()],
        tags: Annotated[list[str], Header()],
        session: Annotated[str | None, Cookie()] = None,
        flag: Annotated[bool, Query(alias="is-set")] = False,  # noqa: FBT002  # a query parameter
        data: Annotated[dict[str, int] | None, Body()] = None,
    ) -> None: ...

    arguments = await arguments_of(
        endpoint,
        query_string=b"words=a&words=b&length=9&seen=1&seen=2&is-set=true",
        headers=[(b"tags", b"x"), (b"tags", b"y"), (b"cookie", b"session=z")],
    )

    assert arguments.pop("query").model_dump() == {"words": ["a", "b"], "size": 9}
    assert arguments == {"seen": [1, 2], "tags": ["x", "y"], "session": "z", "flag": True, "data": None}


def generator() -> Iterator[int]:
    yield 1


async def async_generator() -> AsyncIterator[int]:
    yield 1


class Streaming:
    """A dependency whose calls are generators."""

    async def __call__(self) -> AsyncIterator[int]:
        yield 1


async def wants_response(response: Response) -> None: ...


async def wants_tasks(tasks: BackgroundTasks) -> None: ...


async def wants_scopes(scopes: SecurityScopes) -> None: ...


@pytest.mark.parametrize(
    ("dependency", "reason"),
    [
        (generator, "generator is a generator"),
        (async_generator, "async_generator is a generator"),
        (partial(async_generator), "is a generator"),
        (Streaming(), "Streaming is a generator"),
        (wants_response, "Response"),
        (wants_tasks, "BackgroundTasks"),
        (wants_scopes, "SecurityScopes"),
    ],
)
def test_a_route_does_not_run_with_what_a_plan_does_not_do(dependency: Any, reason: str) -> None:
    async def between(value: Annotated[Any, Depends(dependency)]) -> None: ...

    async def endpoint(value: Annotated[Any, Depends(between)]) -> None: ...

    with pytest.raises(UnsupportedDeclaration, match=f"^/planned: .*{reason}"):
        route_of(endpoint).prepare()


async def plain() -> None: ...


async def takes_file(file: Annotated[bytes, File()]) -> None: ...


async def takes_two(a: Annotated[int, Body()], b: Annotated[int, Body()]) -> None: ...


async def takes_embedded(a: Annotated[int, Body(embed=True)]) -> None: ...


@pytest.mark.parametrize(
    ("endpoint", "options", "reason"),
    [
        (plain, {"response_class": HTMLResponse}, "response_class"),
        (plain, {"response_model": Filter, "response_model_exclude_none": True}, "response_model_exclude_none"),
        (plain, {"max_body_size": 5}, "max_body_size"),
        (async_generator, {}, "generator"),
        (takes_file, {}, "File"),
        (takes_two, {}, "several bodies"),
        (takes_embedded, {}, "embed"),
    ],
)
def test_a_route_does_not_run_with_an_option_without_effect(
    endpoint: Any, options: dict[str, Any], reason: str
) -> None:
    with pytest.raises(UnsupportedDeclaration, match=f"^/planned: .*{reason}"):
        route_of(endpoint, **options).prepare()


def test_an_inclusion_that_adds_dependencies_stops_the_start() -> None:
    app, router = FastAPI(), Router(prefix="/planned", about="One of many.")
    router.add_api_route("", plain, dependencies=[public()])
    app.include_router(router, dependencies=[Depends(wants_response)])

    with pytest.raises(UnsupportedDeclaration, match=r"^/planned: an inclusion adds dependencies"):
        RouteIndex(app.router, API)
