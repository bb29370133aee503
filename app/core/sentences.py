"""What is wrong with a value, in sentences for people, with a stable code and the numbers that the sentence names.

Pydantic's own messages speak of inputs and strings, and some repeat what the client sent. None of them is shown.
"""

import re
from collections.abc import Mapping
from typing import Any

from pydantic_core import PydanticCustomError

Param = str | int | bool | list[str] | None
"""A number that is not whole is text."""
Params = dict[str, Param]

UNKNOWN = "unknown-field"
CODES = {"extra_forbidden": UNKNOWN}
"""The codes of Pydantic's errors, where they are not called as it calls them."""
SENTENCES: dict[str, str] = {
    "missing": "This is required.",
    "extra_forbidden": "There is no such field.",
    "json_invalid": "This is not valid JSON.",
    "model_type": "Send an object.",
    "model_attributes_type": "Send an object.",
    "dict_type": "Send an object.",
    "list_type": "Send a list.",
    "set_type": "Send a list.",
    "tuple_type": "Send a list.",
    "too_short": "List at least {min_length}.",
    "too_long": "List at most {max_length}.",
    "string_type": "Send text, in quotes.",
    "string_too_short": "Use at least {min_length} characters.",
    "string_too_long": "Use at most {max_length} characters.",
    "string_pattern_mismatch": "This does not have the form that is asked for ({pattern}).",
    "string_unicode": "This is not text in UTF-8.",
    "bytes_type": "Send text, in quotes.",
    "enum": "Use one of: {allowed}.",
    "literal_error": "Use one of: {allowed}.",
    "bool_type": "Send true or false, without quotes.",
    "bool_parsing": "Send true or false.",
    "int_type": "Send a whole number, without quotes.",
    "int_parsing": "Send a whole number.",
    "int_parsing_size": "This number is too large.",
    "int_from_float": "Send a whole number.",
    "float_type": "Send a number, without quotes.",
    "float_parsing": "Send a number.",
    "finite_number": "Send a finite number.",
    "greater_than": "This must be more than {gt}.",
    "greater_than_equal": "This must be {ge} or more.",
    "less_than": "This must be less than {lt}.",
    "less_than_equal": "This must be {le} or less.",
    "multiple_of": "This must be a multiple of {multiple_of}.",
    "decimal_type": "Send a decimal number.",
    "decimal_parsing": "Send a decimal number.",
    "decimal_max_digits": "Use at most {max_digits} digits.",
    "decimal_max_places": "Use at most {decimal_places} decimal places.",
    "decimal_whole_digits": "Use at most {whole_digits} digits before the decimal point.",
    "uuid_type": "This is no id: send a UUID.",
    "uuid_parsing": "This is no id: send a UUID.",
    "uuid_version": "This is no id: send a UUID of version {expected_version}.",
    "date_type": "Send a day, such as 2026-01-31.",
    "date_parsing": "Send a day that the calendar has, such as 2026-01-31.",
    "date_from_datetime_parsing": "Send a day that the calendar has, such as 2026-01-31.",
    "date_from_datetime_inexact": "Send a day without a time, such as 2026-01-31.",
    "date_past": "This day must be in the past.",
    "date_future": "This day must be in the future.",
    "datetime_type": "Send an instant, such as 2026-01-31T12:00:00Z.",
    "datetime_parsing": "Send an instant, such as 2026-01-31T12:00:00Z.",
    "datetime_object_invalid": "Send an instant, such as 2026-01-31T12:00:00Z.",
    "datetime_from_date_parsing": "Send an instant, such as 2026-01-31T12:00:00Z.",
    "datetime_past": "This must be in the past.",
    "datetime_future": "This must be in the future.",
    "timezone_aware": "Add the time zone, such as Z or +01:00.",
    "time_type": "Send a time, such as 12:00:00.",
    "time_parsing": "Send a time, such as 12:00:00.",
    "time_delta_type": "Send a duration, such as PT15M.",
    "time_delta_parsing": "Send a duration, such as PT15M.",
    "url_type": "Send a URL.",
    "url_parsing": "This is no URL.",
    "url_scheme": "This URL has a scheme that is not allowed.",
    "url_too_long": "Use at most {max_length} characters.",
    "ip_any_address": "This is no IP address.",
    "ip_any_network": "This is no network.",
    "country_alpha2": "This is no country code of ISO 3166-1, such as DE.",
}
"""By Pydantic's type of an error. A name in braces is a value of the error's context, and becomes a parameter."""
OTHERS = "This value is not allowed."
"""The sentence for any other type."""
OF_LIBRARIES = {
    "value is not a valid email address": "This is no e-mail address.",
    "value is not a valid phone number": "This is no telephone number with its country code, such as +4930901820.",
}
"""Sentences in place of those that libraries give with the type `value_error`, by their beginning."""
CHOICE = re.compile(r"'((?:[^'\\]|\\.)*)'|([^,\s']+)")


def refusal(code: str, sentence: str, **params: Param) -> PydanticCustomError:
    """The error for a validator to raise: a stable code (`not-positive`), a sentence, and what the sentence names."""
    return PydanticCustomError(code.replace("-", "_"), sentence, {"params": params})


def code_of(kind: str) -> str:
    """The code of one of Pydantic's errors."""
    return CODES.get(kind) or kind.replace("_", "-")


def explain(error: Mapping[str, Any]) -> tuple[str, str, Params]:
    """(sentence, code, parameters) of one of Pydantic's errors. What the client sent is in none of them."""
    kind, context = str(error["type"]), error.get("ctx") or {}
    code = code_of(kind)
    if "params" in context:
        return str(error["msg"]), code, context["params"]
    if kind == "value_error":
        return sentence_of(str(error["msg"]), is_ours="error" in context), code, {}
    template = SENTENCES.get(kind, OTHERS)
    params = named_values(context) if kind in ("enum", "literal_error") else named_in(template, context)
    if kind in ("string_too_short", "too_short") and params["min_length"] == 1:
        return "This must not be empty.", code, params
    shown = {name: ", ".join(value) if isinstance(value, list) else value for name, value in params.items()}
    return template.format(**shown), code, params


def named_in(template: str, context: Mapping[str, Any]) -> Params:
    """The values of the context that the sentence names."""
    names = re.findall(r"{(\w+)}", template)
    return {name: plain(context.get(name)) for name in names}


def plain(value: object) -> Param:
    return value if isinstance(value, (str, int)) or value is None else str(value)


def named_values(context: Mapping[str, Any]) -> Params:
    """The values that are allowed, from Pydantic's list of them: `'todo', 'done' or 'cancelled'`."""
    listed = str(context.get("expected", "")).replace("' or '", "', '")
    return {"allowed": [quoted or bare for quoted, bare in CHOICE.findall(listed) if bare != "or"]}


def sentence_of(message: str, *, is_ours: bool) -> str:
    """The message of a ValueError of ours as a sentence; for one of a library a sentence of ours."""
    if not is_ours:
        return next((ours for begin, ours in OF_LIBRARIES.items() if message.startswith(begin)), OTHERS)
    text = message.removeprefix("Value error, ")
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
