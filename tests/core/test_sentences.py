"""What is wrong with a value is said in our words, whatever Pydantic calls it."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError
from pydantic_core._pydantic_core import list_all_errors

from app.core.field_errors import FieldError, validation_errors
from app.core.fields.money import Amount
from app.core.sentences import OTHERS, SENTENCES, explain
from app.modules.customers.schemas import CustomerCreate
from app.modules.tasks.schemas import TaskCreate

PYTHONIC = ("input", "string", "Value error", "valid dictionary", "permitted", "instance", "Assertion")


def errors_of(schema: type[BaseModel], body: dict[str, Any]) -> dict[str, FieldError]:
    with pytest.raises(ValidationError) as raised:
        schema.model_validate(body)
    return {error["pointer"]: error for error in validation_errors(raised.value)}


@pytest.mark.parametrize("known", list_all_errors(), ids=lambda known: known["type"])
def test_no_message_of_pydantic_is_shown(known: dict[str, Any]) -> None:
    context = {name: value if value != "" else "'a' or 'b'" for name, value in (known["example_context"] or {}).items()}
    error = {"type": known["type"], "ctx": context, "msg": known["message_template_python"], "loc": ("field",)}

    detail, code, params = explain(error)

    assert detail.endswith(".")
    assert not [word for word in PYTHONIC if word in detail]
    assert code == {"extra_forbidden": "unknown-field"}.get(known["type"], known["type"].replace("_", "-"))
    assert all(f"{value}" in detail for value in params.values() if not isinstance(value, list))


def test_sentences_are_for_types_that_exist() -> None:
    of_libraries = {"ip_any_address", "ip_any_network", "country_alpha2"}

    assert SENTENCES.keys() - {known["type"] for known in list_all_errors()} == of_libraries


def test_a_sentence_comes_with_what_it_names() -> None:
    found = errors_of(TaskCreate, {"title": "x" * 201, "status": "gone", "assignee_id": "me", "colour": "red"})

    assert found["/title"]["detail"] == "Use at most 200 characters."
    assert found["/title"]["params"] == {"max_length": 200}
    assert found["/status"]["detail"] == "Use one of: todo, in_progress, done, cancelled."
    assert found["/status"]["params"] == {"allowed": ["todo", "in_progress", "done", "cancelled"]}
    assert found["/assignee_id"]["detail"] == "This is no id: send a UUID."
    assert found["/colour"]["detail"] == "There is no such field."
    assert errors_of(TaskCreate, {})["/title"]["detail"] == "This is required."
    assert errors_of(TaskCreate, {"title": " "})["/title"]["detail"] == "This must not be empty."


def test_what_libraries_say_is_ours_too() -> None:
    body = {
        "first_name": "a",
        "last_name": "b",
        "email": "s3cret-canary@",
        "phone": "+12",
        "address": {"country": "QQ"},
    }

    found = errors_of(CustomerCreate, body)

    assert found["/email"]["detail"] == "This is no e-mail address."
    assert found["/phone"]["detail"].startswith("This is no telephone number")
    assert found["/address/country"]["detail"].startswith("This is no country code")
    assert "canary" not in str(found)


@pytest.mark.parametrize(
    ("sent", "code", "words"),
    [
        ("-1", "negative-amount", "cannot be negative"),
        ("1e3", "amount-form", "in digits"),
        ("1,50", "amount-form", "with a point"),
        (1.5, "amount-type", "as text"),
        ("1.00001", "amount-digits", "4 decimal places"),
    ],
)
def test_an_amount_is_refused_for_its_real_reason(sent: object, code: str, words: str) -> None:
    class Priced(BaseModel):
        price: Amount

    assert Priced(price=Decimal("1.50")).price == Decimal("1.5000")
    error = errors_of(Priced, {"price": sent})["/price"]

    assert (error["code"], words in error["detail"]) == (code, True)


def test_any_other_type_has_a_sentence_too() -> None:
    assert explain({"type": "callable_type", "msg": "Input should be callable"}) == (OTHERS, "callable-type", {})
