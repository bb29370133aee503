"""Text that is one of a set of names which only the running application knows: an enum in the document."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from app.core.sentences import refusal


@dataclass(frozen=True)
class OneOf:
    """`Annotated[str, OneOf(names)]`: `names` is asked when a value comes, and when the document is built."""

    names: Callable[[], Iterable[str]]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "enum": sorted(self.names())}

    def check(self, text: str) -> str:
        """`text`. Raises PydanticCustomError, whose sentence says what there is."""
        names = sorted(self.names())
        if text not in names:
            raise refusal("enum", f"Use one of: {', '.join(names)}.", allowed=names)
        return text
