"""A FastAPI route whose declaration is analysed when it is first needed, so that a start need not wait for all."""

import asyncio
import inspect
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from enum import Enum
from threading import RLock
from typing import Any, Self
from uuid import UUID

from fastapi._compat import ModelField
from fastapi.routing import APIRoute
from pydantic.warnings import UnsupportedFieldAttributeWarning
from starlette.convertors import CONVERTOR_TYPES
from starlette.routing import PARAM_REGEX, BaseRoute, compile_path, get_name

from app.core.http.query_parameters import flatten

KNOWN = frozenset({"dependencies", "include_in_schema", "max_body_size", "response_class"})
"""What a declaration says of a route without any analysis."""
QUIET_SECONDS = 5.0
"""How long a server is left to the first requests, before it analyses what they did not need."""
PAUSE_SECONDS = 0.01
"""Between two routes, for requests; one takes about a millisecond."""

analysing = RLock()
"""Held while a route is analysed: another thread that needs it waits."""


class LateRoute(APIRoute):
    """A FastAPI route that can be found at once, and is analysed when something asks for what an analysis finds.

    To analyse all routes was a fifth of the CPU of every start, also of commands that serve none.
    """

    prefix = ""
    """What stands in the path before that which the module declares."""

    def __init__(
        self, path: str, endpoint: Callable[..., Any], *, tags: Sequence[str | Enum] | None = None, **options: Any
    ) -> None:
        self.declaration = dict(options, tags=tags)
        self.tags = list(tags or ())
        self.endpoint, self.name = endpoint, options.get("name") or get_name(endpoint)
        self.methods = {method.upper() for method in options.get("methods") or ("GET",)}
        self.__dict__.update({name: options[name] for name in KNOWN & options.keys()})
        self.path = path

    def below(self, prefix: str) -> Self:
        """This route with its path below `prefix`. An inclusion by FastAPI would analyse the declaration again."""
        route = copy(self)
        route.prefix, route.path = prefix, f"{prefix}{self.path}"
        route.path_format = PARAM_REGEX.sub(r"{\1}", route.path)
        named = (found.groups("") for found in PARAM_REGEX.finditer(route.path))
        route.param_convertors = {name: CONVERTOR_TYPES[kind.lstrip(":") or "str"] for name, kind in named}
        return route

    def __getattr__(self, name: str) -> Any:
        """What only an analysis finds: Python looks here for an attribute that is not set yet."""
        if name == "path_regex" and "path_format" in self.__dict__:  # placed, and not tried by any request yet
            self.path_regex, _, _ = compile_path(self.path)
        else:
            self.prepare()
        try:
            return self.__dict__[name]
        except KeyError:
            raise AttributeError(name) from None

    def prepare(self) -> None:
        """Analyse the declaration, unless that is done. Raises UnsupportedDeclaration."""
        with analysing:
            declaration = self.__dict__.pop("declaration", None)
            if declaration is None:
                return
            try:
                self._analyse(declaration)
            except BaseException:
                self.declaration = declaration
                raise

    def _analyse(self, declaration: dict[str, Any]) -> None:
        """Find what the route needs to run. Its place stays: requests find it while a thread analyses it."""
        super().__init__(self.path, self.endpoint, **declaration)
        with warnings.catch_warnings():
            # of aliases, which FastAPI ignores where it makes a field; schemas put off what their fields would build
            warnings.simplefilter("ignore", UnsupportedFieldAttributeWarning)
            for field in self.declared_fields():
                field._type_adapter.rebuild()  # noqa: SLF001  # FastAPI has no other way

    def declared_fields(self) -> Iterator[ModelField]:
        """The parameters and the body."""
        for part in flatten(self.dependant):
            yield from (*part.query_params, *part.header_params, *part.cookie_params, *part.body_params)
        if self.body_field is not None:
            yield self.body_field


def strict_path(path: str, endpoint: Callable[..., Any]) -> str:
    """`path`, whose parameters that are UUIDs match nothing else."""
    for name, parameter in inspect.signature(endpoint).parameters.items():
        if parameter.annotation is UUID:
            path = path.replace(f"{{{name}}}", f"{{{name}:uuid}}")
    return path


async def prepare_routes(routes: Iterable[BaseRoute], after: float = QUIET_SECONDS) -> None:
    """Analyse what no request has needed `after` some seconds, between requests. Raises UnsupportedDeclaration."""
    await asyncio.sleep(after)
    for route in routes:
        if isinstance(route, LateRoute):
            route.prepare()
            await asyncio.sleep(PAUSE_SECONDS)
