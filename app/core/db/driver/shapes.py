"""Selects as SQLAlchemy compiles them: once for each shape, that is for all that differ in their values only."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ClauseElement, CompoundSelect, Row, Select, UpdateBase
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.cache_key import CacheKey
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.visitors import iterate
from sqlalchemy.util import LRUCache

SHAPES = 1000


class Call(NamedTuple):
    """A statement, ready for the driver."""

    shape: "Shape"
    sql: str
    values: Sequence[Any]


class Shape:
    """A compiled select: how values go in, and how rows come out."""

    def __init__(self, compiled: SQLCompiler, dialect: Dialect) -> None:
        self.compiled = compiled
        self.dialect = dialect
        self.is_described = False
        self.processors: Sequence[Any] | None = None
        columns = compiled._result_columns
        names = [column.keyname for column in columns]
        objects = [tuple(each for each in column.objects if not isinstance(each, str)) for column in columns]
        ambiguous = frozenset(name for name, count in Counter(names).items() if count > 1)
        self.metadata = SimpleResultMetaData(names, extra=objects, _ambiguous_keys=ambiguous)

    def bind(self, key: CacheKey | None, given: Mapping[str, Any] | None = None) -> Call:
        """Put in the values of a select, and those `given` by name. Raises StatementError for one of another type."""
        compiled = self.compiled
        sql, names = compiled.string, compiled.positiontup
        processors: Mapping[str, Any] = compiled._bind_processors
        try:
            values = compiled.construct_params(
                given,
                extracted_parameters=key and key.bindparams,
                escape_names=False,
                _collected_params=key and key.params,
            )
            if compiled.literal_execute_params or compiled.post_compile_params:
                expanded = compiled._process_parameters_for_postcompile(values)
                sql, names = expanded.statement, list(expanded.positiontup or ())
                processors = {**processors, **expanded.processors}
            bound = [processors[name](values[name]) if name in processors else values[name] for name in names or ()]
        except Exception as error:
            raise as_database_error(error, sql, self.dialect) from error
        return Call(self, sql, bound)

    def describe(self, codes: Sequence[object]) -> None:
        """Learn the type codes of the columns, which the processors of results ask for."""
        columns = self.compiled._result_columns
        found = [
            column.type._cached_result_processor(self.dialect, code)
            for column, code in zip(columns, codes or [None] * len(columns), strict=True)
        ]
        self.processors = found if any(found) else None
        self.is_described = True

    def rows(self, found: Sequence[Sequence[Any]]) -> list[Row[*tuple[Any, ...]]]:
        """The rows of the driver as SQLAlchemy's rows."""
        metadata, processors = self.metadata, self.processors
        index = metadata._key_to_index
        return [Row(metadata, processors, index, row) for row in found]


class Shapes:
    """The shapes of a dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.known: LRUCache[Any, Shape] = LRUCache(SHAPES)

    def bind(self, statement: object, given: Mapping[str, Any] | None = None) -> Call:
        """Compile a select, and put its values in. Raises TypeError for any other statement, and StatementError."""
        if not isinstance(statement, Select | CompoundSelect):
            raise TypeError(f"a reader runs selects only, and no {type(statement).__name__}")
        key = statement._generate_cache_key()
        shape = self.known.get(key.key) if key is not None else None
        if shape is None:
            refuse_writing_parts(statement)
            compiled = statement.compile(dialect=self.dialect, cache_key=key, column_keys=[])
            shape = Shape(compiled, self.dialect)
            if key is not None:
                self.known[key.key] = shape
        return shape.bind(key, given)


def refuse_writing_parts(statement: ClauseElement) -> None:
    """Raise TypeError for a select with a part that writes, such as a CTE."""
    for part in iterate(statement):
        if isinstance(part, UpdateBase):
            raise TypeError(f"a reader runs selects only, and no {type(part).__name__} in one")


def as_database_error(error: Exception, sql: str, dialect: Dialect, *, is_lost: bool = False) -> Exception:
    """`error` as SQLAlchemy raises it, without the values."""
    return DBAPIError.instance(
        sql,
        None,
        error,
        dialect.loaded_dbapi.Error,
        hide_parameters=True,
        connection_invalidated=is_lost,
        dialect=dialect,
    )
