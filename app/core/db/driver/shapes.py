"""Statements as SQLAlchemy compiles them: once for each shape, that is for all that differ in their values only."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import CompoundSelect, Enum, Row, Select, UpdateBase
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.cache_key import CacheKey, HasCacheKey
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.visitors import iterate
from sqlalchemy.types import TypeEngine
from sqlalchemy.util import LRUCache

SHAPES = 1000
TEXTS = 20
"""Texts of a shape with lists that are kept: there is one for each number of values."""
Check = Callable[[object], None]


class Call(NamedTuple):
    """A statement, ready for the driver."""

    shape: "Shape"
    sql: str
    values: Sequence[Any]


class Text(NamedTuple):
    """The text of a statement, and which values it takes."""

    sql: str
    names: Sequence[str]
    processors: Mapping[str, Any]
    lists: Mapping[str, Sequence[str]]
    """By the name of a list, the names of its values."""
    tuples: Set[str]
    """The lists of tuples: each value of a tuple has a name."""

    def bind(self, values: Mapping[str, Any]) -> list[Any]:
        """The values as the driver takes them."""
        if self.lists:
            values = {**values, **{part: value for name in self.lists for part, value in self.parts(name, values)}}
        processors = self.processors
        return [processors[name](values[name]) if name in processors else values[name] for name in self.names]

    def parts(self, name: str, values: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
        given = chain.from_iterable(values[name]) if name in self.tuples else values[name]
        return zip(self.lists[name], given, strict=True)


class Shape:
    """A compiled statement: how values go in, and how rows come out."""

    def __init__(self, compiled: SQLCompiler, dialect: Dialect) -> None:
        self.compiled = compiled
        self.dialect = dialect
        self.lists = names_of_lists(compiled)
        """The names of the lists on whose lengths alone its text depends; None where it depends on values."""
        self.texts: dict[tuple[int, ...], Text] = {}
        """By the lengths of the lists."""
        self.tuples = {compiled.bind_names[each] for each in compiled.post_compile_params if each.type._is_tuple_type}
        self.values = own_values(compiled)
        self.is_described = False
        self.processors: Sequence[Any] | None = None
        columns = compiled._result_columns
        self.has_rows = bool(columns)
        names = [column.keyname for column in columns]
        objects = [tuple(each for each in column.objects if not isinstance(each, str)) for column in columns]
        ambiguous = frozenset(name for name, count in Counter(names).items() if count > 1)
        self.metadata = SimpleResultMetaData(names, extra=objects, _ambiguous_keys=ambiguous)

    def bind(self, key: CacheKey | None, given: Mapping[str, Any] | None = None) -> Call:
        """Put in the values of a statement, and those `given`. Raises StatementError for one of another type.

        Without `key`, the values are those of the statement that was compiled.
        """
        try:
            values = self.values_of(key, given)
            text = self.text_for(values)
            bound = text.bind(values)
        except Exception as error:
            raise as_database_error(error, self.compiled.string, self.dialect) from error
        return Call(self, text.sql, bound)

    def text_for(self, values: Mapping[str, Any]) -> Text:
        """The text of the statement with these values."""
        if self.lists is None:
            return self.expand(values)
        lengths = tuple([len(values[name]) for name in self.lists])
        text = self.texts.get(lengths)
        if text is None:
            if len(self.texts) >= TEXTS:
                self.texts.clear()
            text = self.texts[lengths] = self.expand(values)
        return text

    def expand(self, values: Mapping[str, Any]) -> Text:
        """The text of the statement with as many parameters as there are values."""
        found = self.compiled._process_parameters_for_postcompile(dict(values))  # which it changes
        processors: Mapping[str, Any] = {**self.compiled._bind_processors, **found.processors}
        names = list(found.positiontup or ())
        return Text(found.statement, names, processors, found.parameter_expansion, self.tuples)

    def values_of(self, key: CacheKey | None, given: Mapping[str, Any] | None) -> Mapping[str, Any]:
        """The values by name, in which SQLAlchemy looks for those of another statement of this shape."""
        if key is None and self.values is not None:
            return {**self.values, **given} if given else self.values
        return self.compiled.construct_params(
            given,
            extracted_parameters=key and key.bindparams,
            escape_names=False,
            _collected_params=key and key.params,
        )

    def describe(self, codes: Sequence[object]) -> None:
        """Learn the type codes of the columns, which the processors of results ask for."""
        columns = self.compiled._result_columns
        found = [
            result_processor(column.type, self.dialect, code)
            for column, code in zip(columns, codes or [None] * len(columns), strict=True)
        ]
        self.processors = found if any(found) else None
        self.is_described = True

    def rows(self, found: Sequence[Sequence[Any]]) -> list[Row[*tuple[Any, ...]]]:
        """The rows of the driver as SQLAlchemy's rows."""
        metadata, processors = self.metadata, self.processors
        index = metadata._key_to_index
        return [Row(metadata, processors, index, row) for row in found]


def result_processor(kind: TypeEngine[Any], dialect: Dialect, code: object) -> Any:
    """What SQLAlchemy does with values of a column, None for nothing; for options, without two calls for each value."""
    processor = kind._cached_result_processor(dialect, code)
    if type(kind) is Enum and not kind.native_enum:
        return kind._object_lookup.__getitem__  # raises KeyError for text that is no option
    return processor


def names_of_lists(compiled: SQLCompiler) -> Sequence[str] | None:
    """The names of the lists of a statement; None where its text has values, or lists without a type."""
    lists = compiled.post_compile_params
    if compiled.literal_execute_params or any(each.type._isnull for each in lists):
        return None
    return [compiled.bind_names[each] for each in lists]


def own_values(compiled: SQLCompiler) -> Mapping[str, Any] | None:
    """The values of the statement that was compiled, by name; None where only SQLAlchemy finds them."""
    parameters = compiled.bind_names
    if any(each.callable or not (each.unique or each.key == name) for each, name in parameters.items()):
        return None
    return {name: each.value for each, name in parameters.items() if not each.required}


class Shapes:
    """The shapes of a dialect. Each has passed `check` once, which raises for a statement that is not allowed."""

    def __init__(self, dialect: Dialect, check: Check) -> None:
        self.dialect = dialect
        self.check = check
        self.known: LRUCache[Any, Shape] = LRUCache(SHAPES)
        self.kept: LRUCache[int, tuple[object, object, Shape]] = LRUCache(SHAPES)
        """By the identity of the statement that was compiled, so that one that is built once needs no cache key."""

    def bind(self, statement: object, given: Mapping[str, Any] | None = None) -> Call:
        """Compile a statement, and put its values in. Raises StatementError, and what the check raises."""
        shape, key = self.find(statement, given or {})
        return shape.bind(key, given)

    def bind_many(self, statement: object, rows: Sequence[Mapping[str, Any]]) -> tuple[str, list[Sequence[Any]]]:
        """The same for a statement that is run with each of `rows`, which have the same names. It returns nothing."""
        shape, key = self.find(statement, rows[0], is_many=True)
        return shape.compiled.string, [shape.bind(key, row).values for row in rows]

    def find(
        self, statement: object, given: Mapping[str, Any], *, is_many: bool = False
    ) -> tuple[Shape, CacheKey | None]:
        """The shape of a statement, and the key of its values; None where they are those of the shape itself.

        The names of the values `given` to a write belong to its shape: they are the columns.
        """
        names = tuple(given) if isinstance(statement, UpdateBase) else ()
        kept = self.kept.get(id(statement))
        if kept is not None and kept[0] is statement and kept[1] == (names, is_many):
            return kept[2], None
        key = statement._generate_cache_key() if isinstance(statement, HasCacheKey) else None
        known = (key.key, names, is_many) if key is not None else None
        shape = self.known.get(known) if known is not None else None
        if shape is None:
            self.check(statement)
            shape = Shape(self.compile(statement, key, names, is_many=is_many), self.dialect)
            if key is not None:
                self.known[known] = shape
                if not key.params:
                    self.kept[id(statement)] = statement, (names, is_many), shape
        return shape, key

    def compile(self, statement: Any, key: CacheKey | None, names: Sequence[str], *, is_many: bool) -> SQLCompiler:
        compiled: SQLCompiler = statement.compile(
            dialect=self.dialect, cache_key=key, column_keys=list(names), for_executemany=is_many
        )
        if compiled.insert_prefetch or compiled.update_prefetch:
            raise TypeError("a column takes a value that only SQLAlchemy's own execution makes; give the value")
        return compiled


def allow_selects(statement: object) -> None:
    """Raise TypeError for anything but a select, and for a select with a part that writes, such as a CTE."""
    if not isinstance(statement, Select | CompoundSelect):
        raise TypeError(f"a reader runs selects only, and no {type(statement).__name__}")
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
