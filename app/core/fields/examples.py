"""Text with examples that only the running application knows."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pydantic import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


@dataclass(frozen=True)
class Examples:
    """`Annotated[str, Examples(names)]`: the document shows `names`, which are asked for when it is built."""

    names: Callable[[], Iterable[str]]

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**handler(schema), "examples": sorted(self.names())}
