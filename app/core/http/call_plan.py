"""The plan of a call: what FastAPI declares for an endpoint, in the order in which a request runs it.

FastAPI walks the tree of dependencies for each request. A plan walks it once, when the route is built.
"""

import inspect
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi import Request, Response, params
from fastapi._compat import ModelField
from fastapi.concurrency import run_in_threadpool
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import request_body_to_args
from fastapi.exceptions import RequestValidationError
from fastapi.routing import RouteContext
from starlette.convertors import Convertor

from app.core.http import parameters
from app.core.http.late_route import LateRoute
from app.core.http.parameters import Inputs, Reader

NOT_RUN = object()
"""The result of a dependency that did not run, because a parameter below it is invalid."""


class UnsupportedDeclaration(RuntimeError):
    """A route declares something that it would not get."""


@dataclass(frozen=True, slots=True)
class Step:
    """A dependency, or the endpoint itself, with the readers of its arguments."""

    call: Callable[..., Awaitable[Any]]
    readers: tuple[tuple[str, Reader], ...]
    form: list[ModelField]
    """The arguments that are fields of a form, where no reader reads it."""
    needed: tuple[int, ...]
    """The places of the dependencies that must have run before."""

    async def read(self, inputs: Inputs) -> dict[str, Any] | None:
        """The arguments; None where one of them is invalid."""
        known = len(inputs.errors)
        arguments = {name: read(inputs) for name, read in self.readers}
        if self.form:
            values, errors = await request_body_to_args(self.form, inputs.body, embed_body_fields=True)
            inputs.errors.extend(errors)
            arguments |= values
        if inputs.errors and (len(inputs.errors) > known or self.lacks_a_result(inputs)):
            return None
        return arguments

    def lacks_a_result(self, inputs: Inputs) -> bool:
        return any(inputs.results[place] is NOT_RUN for place in self.needed)


class CallPlan:
    """The steps of one route. Each dependency runs once for a request, however often it is declared."""

    def __init__(self, name: str, dependant: Dependant, convertors: Mapping[str, Convertor[Any]]) -> None:
        self.name = name
        self.convertors = convertors
        self.steps: list[Step] = []
        self.places: dict[Any, int] = {}
        self.endpoint = self.step(dependant)

    async def read_arguments(self, request: Request, body: Any) -> dict[str, Any]:
        """Run the dependencies and return the arguments of the endpoint. Raises RequestValidationError."""
        inputs = Inputs(request, body)
        for step in self.steps:
            arguments = await step.read(inputs)
            inputs.results.append(NOT_RUN if arguments is None else await step.call(**arguments))
        arguments = await self.endpoint.read(inputs)
        if arguments is None or inputs.errors:
            raise RequestValidationError(inputs.errors)
        return arguments

    def step(self, dependant: Dependant) -> Step:
        """The step of `dependant`, after the steps of everything below it. Raises UnsupportedDeclaration."""
        call = self.supported_call(dependant)
        places = [(below.name, self.place(below)) for below in dependant.dependencies]
        results = [(name, parameters.result_reader(place)) for name, place in places if name is not None]
        is_form = any(isinstance(body.field_info, params.Form) for body in dependant.body_params)
        form, bodies = (dependant.body_params, []) if is_form else ([], dependant.body_params)
        readers = [
            *results,
            *self.parameter_readers(dependant),
            *((body.name, parameters.body_reader(body)) for body in bodies),
        ]
        if len(form) == 1 and (reader := parameters.form_reader(form[0])):
            readers.append((form[0].name, reader))
            form = []
        return Step(call, tuple(readers), form, tuple(place for _, place in places))

    def place(self, dependant: Dependant) -> int:
        """The place of a dependency among the results, which is that of its first declaration."""
        if dependant.use_cache and dependant.call in self.places:
            return self.places[dependant.call]
        self.steps.append(self.step(dependant))
        return (
            self.places.setdefault(dependant.call, len(self.steps) - 1) if dependant.use_cache else len(self.steps) - 1
        )

    def parameter_readers(self, dependant: Dependant) -> Iterator[tuple[str, Reader]]:
        """Readers of everything but the body, in FastAPI's order."""
        for parameter in dependant.path_params:
            yield parameter.name, parameters.path_reader(parameter, self.convertors)
        for parameter in dependant.query_params:
            yield parameter.name, parameters.query_reader(parameter)
        for parameter in dependant.header_params:
            yield parameter.name, parameters.header_reader(parameter)
        for parameter in dependant.cookie_params:
            yield parameter.name, parameters.cookie_reader(parameter)
        for name in (dependant.request_param_name, dependant.http_connection_param_name):
            if name:
                yield name, parameters.read_request

    def supported_call(self, dependant: Dependant) -> Callable[..., Awaitable[Any]]:
        """The function of `dependant`; one that is not async runs in a thread. Raises UnsupportedDeclaration."""
        call = dependant.call
        if call is None:
            raise UnsupportedDeclaration(f"{self.name}: a dependency without a function")
        self.check(dependant, call)
        is_async = any(map(inspect.iscoroutinefunction, functions_of(call)))
        return call if is_async else partial(run_in_threadpool, call)

    def check(self, dependant: Dependant, call: Callable[..., Any]) -> None:
        """Raise UnsupportedDeclaration for what a plan does not do."""
        functions = functions_of(call)
        unsupported = {
            "is a generator": any(inspect.isasyncgenfunction(f) or inspect.isgeneratorfunction(f) for f in functions),
            "has a parameter of the type Response": dependant.response_param_name,
            "has a parameter of the type BackgroundTasks": dependant.background_tasks_param_name,
            "has a parameter of the type SecurityScopes": dependant.security_scopes_param_name,
            "has a parameter of the type WebSocket": dependant.websocket_param_name,
            "limits its concurrency": dependant.concurrency,
        }
        for reason, is_so in unsupported.items():
            if is_so:
                name = getattr(call, "__qualname__", type(call).__qualname__)
                raise UnsupportedDeclaration(f"{self.name}: {name} {reason}, which routes do not support")


def functions_of(call: Callable[..., Any]) -> list[Any]:
    """What may tell of which kind `call` is: itself, and how its class is called."""
    while isinstance(call, partial):
        call = call.func
    call = inspect.unwrap(call)
    return [call] if inspect.isclass(call) else [call, getattr(call, "__call__", None)]  # noqa: B004


class PlannedRoute(LateRoute):
    """A FastAPI route that runs by its own plan."""

    plan: CallPlan

    async def respond(self, request: Request) -> Response:
        """The response to `request`."""
        raise NotImplementedError

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        return self.respond

    def check_inclusion(self, included: RouteContext) -> None:
        """Raise UnsupportedDeclaration where an inclusion adds what the plan, made before, does not have."""
        is_same = len(included.dependencies) == len(self.dependencies)
        if not is_same or included.response_class != self.response_class or included.max_body_size is not None:
            raise UnsupportedDeclaration(f"{included.path}: an inclusion adds dependencies or options to its routes")
