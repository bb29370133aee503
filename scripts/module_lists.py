"""What a new module declares of its table and its list: indexes, references, and the columns to sort and filter by."""

from collections.abc import Iterable, Sequence

from scripts.module_fields import KINDS, NewField

NAMES_WIDTH = 70
"""The longest line of names, in characters."""


def names_indexed_for(purpose: str, fields: Iterable[NewField]) -> list[str]:
    """The columns whose lists have an index for one purpose."""
    return [field.column for field in fields if KINDS[field.kind].indexed_for == purpose]


def indexes_of(fields: Sequence[NewField], table: str) -> str:
    """The indexes for filters, and for amounts within their currency."""
    found = [
        f'        Index("ix_{table}_currency_{name}_id", "currency", "{name}", "id"),\n'
        for name in names_indexed_for("amount", fields)
    ]
    names = quote(names_indexed_for("filter", fields))
    return "".join([*found, f'        *filter_indexes("{table}", {names}),\n' if names else ""])


def declared_of(fields: Sequence[NewField]) -> str:
    """What the query of a list declares beside what it lists: the columns to sort and filter by, and what those say."""
    references = {field.column: field.target() for field in fields if field.kind == "reference"}
    listed = [field.column for field in fields if KINDS[field.kind].indexed_for]
    amounts = names_indexed_for("amount", fields)
    tuples = {
        "sortable": ["created_at", "updated_at", "name", *(name for name in listed if name not in references)],
        "filterable": ["name", *listed, *(["currency"] if amounts else [])],
        "trees": [name for name, target in references.items() if target.is_tree],
        "measures": [field.name for field in fields if field.kind in {"integer", "money"}],
    }
    found = [f"    {name}: ClassVar[tuple[str, ...]] = {tuple_of(of)}\n" for name, of in tuples.items() if of]
    if amounts:
        pairs = ", ".join(f'"{name}": "currency"' for name in amounts)
        found.append('    value_types: ClassVar[Mapping[str, Any]] = {"currency": CurrencyCode}\n')
        found.append(f"    currencies: ClassVar[Mapping[str, str]] = {{{pairs}}}\n")
    return "".join(found)


def restricted_of(fields: Iterable[NewField]) -> str:
    """The declaration of the references whose target must be visible."""
    names = [field.column for field in fields if field.kind == "reference" and field.target().can_be_hidden]
    return f"\n    restricted_references = frozenset({{{quote(names)}}})\n" if names else ""


def quote(names: Iterable[str]) -> str:
    """Names as Python writes those of a tuple, each in a line of its own if they are many."""
    quoted = [f'"{name}"' for name in names]
    line = ", ".join(quoted)
    return line if len(line) <= NAMES_WIDTH else ",\n        ".join(quoted)


def tuple_of(names: Sequence[str]) -> str:
    """A tuple of names as Python writes it."""
    return f"({quote(names)}{',' if len(names) == 1 else ''})"
