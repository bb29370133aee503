"""Results of plain schemas are written as Pydantic would write them; all others are validated and dumped."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from functools import cache
from types import SimpleNamespace
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from fastapi._compat import ModelField
from fastapi.exceptions import ResponseValidationError
from fastapi.routing import iter_route_contexts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, computed_field, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticSerializationError

from app.core.http.answers import Encoder, NotPlain, PlainEncoder, encoder_of, shape_of, validating_encoder
from app.core.http.route import Route
from app.main import create_app
from app.modules.products.schemas import ProductRead
from app.modules.tasks.schemas import TaskRead


def field_of(declared: Any) -> ModelField:
    return ModelField(FieldInfo(annotation=declared), "response", "serialization")


def answers() -> list[Any]:
    """What the routes of the application return."""
    routes = [included.original_route for included in iter_route_contexts(create_app().routes)]
    fields = [route.response_field for route in routes if isinstance(route, Route) and route.response_field]
    return list({str(field.field_info.annotation): field.field_info.annotation for field in fields}.values())


def is_plain(declared: Any) -> bool:
    try:
        shape_of(declared)
    except NotPlain:
        return False
    return True


PLAIN = [declared for declared in answers() if is_plain(declared)]

ZONES = st.sampled_from([UTC, ZoneInfo("Europe/Vienna"), timezone(timedelta(hours=-3, minutes=-30))])
INSTANTS = st.datetimes(timezones=ZONES | st.just(UTC)) | st.datetimes(timezones=st.just(UTC)).map(
    lambda at: at.replace(microsecond=0)
)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False) | st.sampled_from(
    [Decimal("1E+2"), Decimal("0E-4"), Decimal("1E-10"), Decimal("-0.0"), Decimal("19.90")]
)
LEAVES: dict[str, st.SearchStrategy[Any]] = {
    "bool": st.booleans(),
    "date": st.dates() | st.just(date(1, 1, 1)),
    "datetime": INSTANTS | st.datetimes() | st.just(datetime(1, 1, 1, tzinfo=UTC)),
    "decimal": DECIMALS,
    "int": st.integers(-(2**63), 2**63 - 1),
    "str": st.text() | st.sampled_from(["\x00\x1f\x7f\u2028\u2029", "</script>", '"\\/', "\U0001f4a1", "é"]),
    "uuid": st.uuids(),
}


def rows_of(node: Any, definitions: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Results of the schema `node`: rows with attributes, and dicts, some with fields that the schema does not have."""
    kind = node["type"]
    if kind == "definitions":
        return rows_of(node["schema"], definitions | {found["ref"]: found for found in node["definitions"]})
    if kind == "definition-ref":
        return rows_of(definitions[node["schema_ref"]], definitions)
    if kind == "nullable":
        return st.none() | rows_of(node["schema"], definitions)
    if kind == "list":
        return st.lists(rows_of(node["items_schema"], definitions), max_size=2)
    if kind == "enum":
        return st.sampled_from(node["members"])
    if kind == "model":
        fields = node["schema"]["fields"]
        values = {name: rows_of(field["schema"], definitions) for name, field in fields.items()}
        more = st.dictionaries(st.sampled_from(["deleted_at", "password_hash"]), st.text(), max_size=1)
        rows = st.builds(lambda own, others: {**others, **own}, st.fixed_dictionaries(values), more)
        return rows | rows.map(lambda row: SimpleNamespace(**row))
    return LEAVES[kind]


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
@pytest.mark.parametrize("declared", PLAIN, ids=str)
def test_both_encoders_write_the_same(declared: Any, data: st.DataObject) -> None:
    encode, validate_and_encode, rows = encoders_and_rows(declared)
    result = data.draw(rows)

    assert encode(result) == validate_and_encode(result)


@cache
def encoders_and_rows(declared: Any) -> tuple[Encoder, Encoder, st.SearchStrategy[Any]]:
    """Both encoders of a result, and the results that they start from: made once for all examples."""
    field = field_of(declared)
    return encoder_of(field), validating_encoder(field), rows_of(field._type_adapter.core_schema, {})


def test_most_answers_are_plain() -> None:
    assert len(PLAIN) >= 30
    assert {TaskRead, ProductRead} <= set(PLAIN)


class Kind(StrEnum):
    """A kind."""

    a = "a"


class Item(BaseModel):
    """A plain schema."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    kind: Kind
    title: str


def test_half_of_a_surrogate_pair_is_refused_by_both() -> None:
    row = SimpleNamespace(id=UUID(int=1), kind=Kind.a, title="\ud800")

    with pytest.raises(TypeError):
        encoder_of(field_of(Item))(row)
    with pytest.raises((PydanticSerializationError, ResponseValidationError)):
        validating_encoder(field_of(Item))(row)


class DriverUuid(UUID):
    """A UUID of a driver's own type."""


def test_values_of_a_driver_are_written_like_the_usual_ones() -> None:
    row = SimpleNamespace(id=DriverUuid(int=1), kind="a", title="x")

    assert json.loads(encoder_of(field_of(Item))(row)) == {"id": str(UUID(int=1)), "kind": "a", "title": "x"}


@pytest.mark.parametrize(
    "row",
    [SimpleNamespace(id=UUID(int=1), kind="a"), {"id": UUID(int=1), "title": "x"}, None, [], {}],
    ids=["an attribute", "a key", "everything", "a list", "an empty row"],
)
def test_what_lacks_a_field_is_refused(row: Any) -> None:
    with pytest.raises((AttributeError, KeyError)):
        encoder_of(field_of(Item))(row)


class Validated(Item):
    """A schema with a validator."""

    @field_validator("title")
    @classmethod
    def shout(cls, title: str) -> str:
        return title.upper()


class Computed(Item):
    """A schema with a computed field."""

    @computed_field
    def length(self) -> int:
        return len(self.title)


class Aliased(Item):
    """A schema whose field has another name in JSON."""

    text: str = Field(alias="body")


class Excluded(Item):
    """A schema with a field that is not written."""

    hidden: str = Field(exclude=True)


class Defaulted(Item):
    """A schema with a default."""

    text: str = "x"


class Configured(Item):
    """A schema whose configuration changes what is written."""

    model_config = ConfigDict(ser_json_bytes="base64")


class Recursive(BaseModel):
    """A schema that holds itself."""

    items: list["Recursive"]


class Built(Item):
    """A schema that changes itself after validation."""

    def model_post_init(self, _context: Any) -> None:
        self.title = ""


NOT_PLAIN: list[Any] = [
    *(Validated, Computed, Aliased, Excluded, Defaulted, Configured, Recursive, Built, list[Computed]),
    *(dict[str, str], Any, float, Literal["a"], int | str, set[str], tuple[str, ...]),
    *(Annotated[str, AfterValidator(str.upper)], Annotated[str, PlainSerializer(str.upper)]),
    *(Annotated[str, Field(max_length=3)], Annotated[int, Field(ge=0)]),
]


@pytest.mark.parametrize("declared", NOT_PLAIN, ids=str)
def test_a_schema_that_does_more_is_not_plain(declared: Any) -> None:
    encode: Callable[[Any], bytes] = encoder_of(field_of(declared))

    assert not isinstance(encode, PlainEncoder)


def test_a_validated_answer_is_still_validated() -> None:
    row = SimpleNamespace(id=UUID(int=1), kind="a", title="x")

    assert json.loads(encoder_of(field_of(Validated))(row))["title"] == "X"
    with pytest.raises(ResponseValidationError):
        encoder_of(field_of(Validated))(SimpleNamespace(id=1))
