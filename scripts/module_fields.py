"""The fields of a new module: what `--field price:money` writes into its models, schemas, seed and tests."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

MODULES = Path(__file__).parents[1] / "app" / "modules"
NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
TAKEN = frozenset(
    {"id", "version", "created_at", "created_by", "created_by_id", "updated_at", "updated_by", "updated_by_id"}
    | {"deleted_at", "name", "currency"}
)


class BadField(ValueError):
    """A field that cannot be written."""


class Kind(NamedTuple):
    """A kind of field: its column, how a client sends it, how it is read, and a value in JSON."""

    column: str
    create: str
    read: str
    sample: str
    indexed_for: str = ""
    """Why lists have an index of it: `sort`, `filter`, or `amount`, by which they are sorted within its currency."""
    models: tuple[str, ...] = ()
    """Imports of the models."""
    schemas: tuple[str, ...] = ()
    """Imports of the schemas."""


ENUM, UUIDS = "from enum import StrEnum", "from uuid import UUID"
KINDS = {
    "string": Kind("str | None = Field(default=None, max_length=200)", "Name | None = None", "str | None", '"Words"'),
    "text": Kind(
        "str | None = Field(default=None, max_length=10_000)",
        "Text | None = None",
        "str | None",
        '"Words"',
        schemas=("from app.core.fields.text import Text",),
    ),
    "integer": Kind(
        "int = 0",
        "Annotated[int, Field(ge=-MAX_INTEGER, le=MAX_INTEGER)] = 0",
        "int",
        "7",
        "sort",
        schemas=("from typing import Annotated", "from pydantic import Field"),
    ),
    "boolean": Kind("bool = False", "bool = False", "bool", "True"),
    "date": Kind(
        "date | None = None",
        "Day | None = None",
        "date | None",
        '"2030-01-31"',
        "sort",
        ("from datetime import date",),
        ("from datetime import date", "from app.core.fields.time import Day"),
    ),
    "instant": Kind(
        "datetime | None = Field(default=None, sa_type=Instant)",
        "Moment | None = None",
        "datetime | None",
        '"2030-01-31T12:00:00Z"',
        "sort",
        ("from datetime import datetime", "from app.core.db.column_types import Instant"),
        ("from datetime import datetime", "from app.core.fields.time import Moment"),
    ),
    "money": Kind(
        "Decimal = Field(sa_type=Money)",
        "Amount",
        "AmountRead",
        '"19.90"',
        "amount",
        (
            "from decimal import Decimal",
            "from sqlalchemy import Index",
            "from app.core.db.amounts import places_column",
            "from app.core.db.column_types import Money",
        ),
        (
            "from collections.abc import Mapping",
            "from typing import Any",
            "from app.core.fields.money import Amount, AmountRead, CurrencyCode, CurrencyLetters",
        ),
    ),
    "choice": Kind(
        "{type} = Field(default={type}.{first}, sa_type=enum_type({type}))",
        "{type} = {type}.{first}",
        "{type}",
        '"{last}"',
        "filter",
        (ENUM, "from app.core.db.column_types import enum_type"),
    ),
    "reference": Kind(
        'UUID | None = Field(default=None, foreign_key="{table}.id")',
        "UUID | None = None",
        "UUID | None",
        "None",
        "filter",
        (UUIDS,),
        (UUIDS,),
    ),
}


class Target(NamedTuple):
    """The items that a reference refers to."""

    model: str
    """The name of their class."""
    table: str
    can_be_hidden: bool
    is_tree: bool
    """Whether each may be below another one."""


@dataclass(frozen=True)
class NewField:
    """One field of a new module."""

    name: str
    kind: str
    options: tuple[str, ...] = ()
    """Of a choice, what can be chosen; of a reference, the module that it refers to."""

    @classmethod
    def parse(cls, text: str) -> "NewField":
        """A field from `name:kind` or `name:kind=options`. Raises BadField."""
        name, _, rest = text.partition(":")
        kind, _, options = rest.partition("=")
        if not NAME.fullmatch(name) or name in TAKEN:
            raise BadField(f"{text}: a field needs a name of its own in lower case, with _ between words")
        if kind not in KINDS:
            raise BadField(f"{text}: choose one of the kinds {', '.join(KINDS)}")
        field = cls(name, kind, tuple(filter(None, options.split(","))))
        field.check(text)
        return field

    def check(self, text: str) -> None:
        """Raise BadField for options that do not fit the kind."""
        if self.kind == "choice" and not (self.options and all(map(NAME.fullmatch, self.options))):
            raise BadField(f"{text}: say what can be chosen, as in status:choice=draft,active")
        if self.kind == "reference" and len(self.options) != 1:
            raise BadField(f"{text}: say which module it refers to, as in brand:reference=brands")
        if self.kind == "reference":
            self.target()
        if self.kind not in {"choice", "reference"} and self.options:
            raise BadField(f"{text}: a {self.kind} has no options")

    @property
    def column(self) -> str:
        """The name of the column."""
        return f"{self.name}_id" if self.kind == "reference" else self.name

    @property
    def words(self) -> str:
        return self.name.replace("_", " ")

    @property
    def about(self) -> str:
        """What it is, in a sentence."""
        if self.name.startswith(("is_", "has_")):
            return f"Whether it {self.words}."
        return f"When it {self.words.removesuffix(' at')}." if self.name.endswith("_at") else f"The {self.words}."

    @property
    def names(self) -> tuple[str, ...]:
        """What it is called in the table and in responses."""
        if self.kind == "reference":
            return (self.column, self.name)
        return (self.name, f"{self.name}_places") if self.kind == "money" else (self.name,)

    def target(self) -> Target:
        """What a reference refers to. Raises BadField."""
        path = MODULES / self.options[0].replace("-", "_") / "models.py"
        found = re.search(
            r'^class (\w+)\((.*Entity), table=True\):.*?__tablename__ = "(\w+)"(.*?)(?=^\S|\Z)',
            path.read_text() if path.exists() else "",
            re.MULTILINE | re.DOTALL,
        )
        if found is None:
            raise BadField(f"{self.name}: there is no module {self.options[0]} with items")
        model, bases, table, body = found.groups()
        return Target(model, table, "SoftDelete" in bases, body.count(f'foreign_key="{table}.id"') == 1)

    def fill(self, text: str, owner: str) -> str:
        """`text` of the kind with the names of this field; `owner` is the class of the items."""
        names = {"type": f"{owner}{''.join(part.title() for part in self.name.split('_'))}"}
        if self.kind == "choice":
            names |= {"first": self.options[0], "last": self.options[-1]}
        if self.kind == "reference":
            names |= {"table": self.target().table}
        return text.format(**names) if "{" in text else text


def lines_of(fields: Iterable[NewField], owner: str, part: str) -> str:
    """The fields in a class, each with the line that says what it is."""
    found = []
    for field in fields:
        declared = field.fill(getattr(KINDS[field.kind], part), owner)
        found.append(f'    {field.column}: {declared}\n    """{field.about}"""\n')
    return "".join(found)


def places_of(fields: Iterable[NewField]) -> str:
    """The columns with the decimal places of the amounts."""
    return "".join(
        f'    {field.name}_places: int = places_column("{field.name}", "currency")\n'
        f'    """The decimal places of the {field.words}, as it was stored."""\n'
        for field in fields
        if field.kind == "money"
    )


def shown_of(fields: Iterable[NewField]) -> str:
    """The references of a response as objects."""
    return "".join(
        f'    {field.name}: Named | None\n    """The {field.words}, with its name."""\n'
        for field in fields
        if field.kind == "reference"
    )


def enums_of(fields: Iterable[NewField], owner: str, singular: str) -> str:
    """The classes of the choices."""
    found = []
    for field in (field for field in fields if field.kind == "choice"):
        options = "".join(f'    {option} = "{option}"\n' for option in field.options)
        head = f'class {field.fill("{type}", owner)}(StrEnum):\n    """The {field.words} of a {singular}."""\n\n'
        found.append(f"\n\n{head}{options}")
    return "".join(found)


def imports_of(fields: Iterable[NewField], part: str) -> str:
    """The import lines of the fields."""
    lines = {line for field in fields for line in getattr(KINDS[field.kind], part)}
    return "".join(f"{line}\n" for line in sorted(lines))


def samples_of(fields: Sequence[NewField], owner: str) -> dict[str, str]:
    """A value of each field as Python writes it, of references none."""
    found = {field.column: field.fill(KINDS[field.kind].sample, owner) for field in fields if field.kind != "reference"}
    return found | ({"currency": '"EUR"'} if has_money(fields) else {})


def has_money(fields: Iterable[NewField]) -> bool:
    return any(field.kind == "money" for field in fields)
