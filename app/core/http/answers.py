"""Writes the result of an endpoint as the JSON that its route declares."""

from collections.abc import Callable
from typing import Any

import orjson
from fastapi._compat import ModelField
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import ResponseValidationError

Encoder = Callable[[Any], bytes]


def encoder_of(declared: ModelField | None) -> Encoder:
    """The encoder of results that have the type `declared`, or of any result."""
    return encode_anything if declared is None else validating_encoder(declared)


def encode_anything(result: Any) -> bytes:
    return orjson.dumps(jsonable_encoder(result))


def validating_encoder(declared: ModelField) -> Encoder:
    def encode(result: Any) -> bytes:
        value, errors = declared.validate(result, loc=("response",))
        if errors:
            raise ResponseValidationError(errors)
        return declared.serialize_json(value)

    return encode
