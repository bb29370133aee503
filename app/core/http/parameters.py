"""Reads the declared parameters of an endpoint from a request: with FastAPI's own fields, and so with its errors."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from fastapi import Request
from fastapi._compat import ModelField, field_annotation_is_scalar, field_annotation_is_sequence
from fastapi._compat import get_missing_field_error as missing_field_error
from fastapi.dependencies.utils import request_params_to_args
from pydantic import BaseModel
from starlette.convertors import Convertor, UUIDConvertor

from app.core.http.scalar_forms import Form, forms_of

NO_BODY = object()
"""The body of a request that has none."""


@dataclass(slots=True)
class Inputs:
    """What the parameters of one request are read from, and what was wrong with them so far."""

    request: Request
    body: Any
    """The body, read and validated by the route."""
    results: list[Any] = field(default_factory=list)
    """The results of the dependencies that have run, in their order."""
    errors: list[Any] = field(default_factory=list)


Reader = Callable[[Inputs], Any]
Source = Callable[[Request], Mapping[str, Any]]


def read_request(inputs: Inputs) -> Request:
    return inputs.request


def result_reader(place: int) -> Reader:
    """Reads the result of the dependency at `place`."""
    return lambda inputs: inputs.results[place]


def path_reader(parameter: ModelField, convertors: Mapping[str, Convertor[Any]]) -> Reader:
    """Reads a parameter of the path; an id that the path has matched as a UUID is valid already."""
    alias, info = parameter.alias, parameter.field_info
    is_converted = isinstance(convertors.get(alias), UUIDConvertor)
    if is_converted and info.annotation is UUID and not info.metadata:
        return lambda inputs: inputs.request.path_params[alias]
    return strict_reader(usual_reader(parameter, lambda request: request.path_params), forms_of({alias: info}), "path")


def query_reader(parameter: ModelField) -> Reader:
    """Reads a query parameter, or the model that stands for all of them."""
    model = parameter.field_info.annotation
    if isinstance(model, type) and issubclass(model, BaseModel):
        reader = usual_reader(parameter, query_of) if has_aliases(model) else model_reader(parameter, model)
        return strict_reader(reader, forms_of(model.model_fields), "query")
    forms = forms_of({parameter.alias: parameter.field_info})
    return strict_reader(optional_reader(parameter, query_of, "query"), forms, "query")


def header_reader(parameter: ModelField) -> Reader:
    return optional_reader(parameter, lambda request: request.headers, "header")


def cookie_reader(parameter: ModelField) -> Reader:
    return usual_reader(parameter, lambda request: request.cookies)


def body_reader(parameter: ModelField) -> Reader:
    """Reads the body. Where the request has none, its parameter may have a default."""

    def read(inputs: Inputs) -> Any:
        if inputs.body is not NO_BODY:
            return inputs.body
        if parameter.field_info.is_required():
            inputs.errors.append(missing_field_error(("body",)))
            return None
        return parameter.get_default()

    return read


def form_reader(parameter: ModelField) -> Reader | None:
    """Reads a form into the model that stands for all of its fields; None where FastAPI has to do it.

    As for FastAPI, the last of several values counts, and an empty one is none.
    """
    info, model = parameter.field_info, parameter.field_info.annotation
    if not isinstance(model, type) or not issubclass(model, BaseModel) or getattr(info, "embed", False):
        return None
    fields = model.model_fields
    if has_aliases(model) or any(field_annotation_is_sequence(each.annotation) for each in fields.values()):
        return None

    def read(inputs: Inputs) -> Any:
        if inputs.body is NO_BODY:
            inputs.errors.append(missing_field_error(("body", parameter.alias)))
            return None
        values = {name: value for name, value in inputs.body.items() if value != "" or name not in fields}
        return validate(parameter, values, ("body",), inputs)

    return read


def has_aliases(model: type[BaseModel]) -> bool:
    """Whether clients know a field of the model by another name."""
    return any(info.alias or info.validation_alias for info in model.model_fields.values())


def query_of(request: Request) -> Mapping[str, Any]:
    return request.query_params


def model_reader(parameter: ModelField, model: type[BaseModel]) -> Reader:
    """Reads the query parameters into `model`. Those that it does not have were refused before, or are of another."""
    is_list = {name: field_annotation_is_sequence(info.annotation) for name, info in model.model_fields.items()}
    is_frozen = model.model_config.get("frozen", False)
    usual: BaseModel | None = None

    def read(inputs: Inputs) -> Any:
        nonlocal usual
        if not inputs.request.scope["query_string"]:
            usual = usual or validate(parameter, {}, ("query",), inputs)
            return usual if usual is None or is_frozen else usual.model_copy()
        values: dict[str, Any] = {}
        for name, value in inputs.request.query_params.multi_items():
            if is_list.get(name):
                values.setdefault(name, []).append(value)
            elif name in is_list:
                values[name] = value
        return validate(parameter, values, ("query",), inputs)

    return read


def optional_reader(parameter: ModelField, source: Source, place: str) -> Reader:
    """Reads a single value that may be absent."""
    alias, info = parameter.alias, parameter.field_info
    has_alias = info.validation_alias not in (None, alias)
    if info.is_required() or info.validate_default or has_alias or not field_annotation_is_scalar(info.annotation):
        return usual_reader(parameter, source)

    def read(inputs: Inputs) -> Any:
        value = source(inputs.request).get(alias)
        return parameter.get_default() if value is None else validate(parameter, value, (place, alias), inputs)

    return read


def strict_reader(reader: Reader, forms: Mapping[str, Form], place: Literal["path", "query"]) -> Reader:
    """`reader` for text in the form of its parameter only: Pydantic alone takes ` 1_0` for a number."""
    if not forms:
        return reader

    def read(inputs: Inputs) -> Any:
        request = inputs.request
        given = request.path_params.items() if place == "path" else request.query_params.multi_items()
        wrong = [
            forms[name].error(place, name, text)
            for name, text in given
            if name in forms and isinstance(text, str) and not forms[name].allows(text)
        ]
        inputs.errors.extend(wrong)
        return None if wrong else reader(inputs)

    return read


def usual_reader(parameter: ModelField, source: Source) -> Reader:
    """Reads whatever FastAPI can read, as FastAPI does."""

    def read(inputs: Inputs) -> Any:
        values, errors = request_params_to_args([parameter], source(inputs.request))
        inputs.errors.extend(errors)
        return values.get(parameter.name)

    return read


def validate(parameter: ModelField, value: Any, location: tuple[str, ...], inputs: Inputs) -> Any:
    """`value` as `parameter` declares it."""
    result, errors = parameter.validate(value, loc=location)
    inputs.errors.extend(errors)
    return result
