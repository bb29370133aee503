"""Text that is mostly one of a set of names which only the running application knows, and may be another."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pydantic import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


@dataclass(frozen=True)
class OpenEnum:
    """`Annotated[str, OpenEnum(names)]`: the document shows `names`, which are asked for when it is built."""

    names: Callable[[], Iterable[str]]

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [{"type": "string", "enum": sorted(self.names())}, handler(schema)]}
