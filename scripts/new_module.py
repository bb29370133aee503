"""Writes a new module: `python scripts/new_module.py "price lists" --field due:date`. Nothing else needs an edit."""

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # it runs by its path, without the tools of development

from scripts import module_fields as parts  # noqa: E402  # see above
from scripts.module_fields import BadField, NewField  # noqa: E402  # see above

TEMPLATES = Path(__file__).parent / "templates"
NEXT = """
The module is there. Make its migration, read it, and run the tests:

    make format
    make migration m="add {plural}"
    make test
"""
WORDS = re.compile(r"[a-z][a-z0-9]*([ -][a-z0-9]+)*")
NOTES = NewField("notes", "text")
"""What a module has that is given no fields."""

MONEY_SERVICE = '''
    def build(self, data: Schema) -> $Class:
        item = super().build(data)
        check_amounts(item.__dict__)
        return item

    def apply_rules(self, row: $Class, changes: dict[str, Any]) -> dict[str, Any]:
        check_amounts({**row.__dict__, **changes})
        return changes


def check_amounts(values: Mapping[str, Any]) -> None:
    """Raise Invalid for an amount with more decimal places than its currency has."""
    for name in ($amounts):
        if not fits_currency(values[name], values["currency"]):
            raise invalid(f"/body/{name}", f"{values['currency']} has fewer decimal places.", "too-many-decimals")
'''
MONEY_REPOSITORY = '''
    def to_read(self, row: AnyRow) -> Any:
        return with_decimals(row._asdict())

    async def reload_for_read(self, rows: Sequence[$Class]) -> Sequence[Any]:
        return [with_decimals(row.__dict__) for row in rows]


def with_decimals(values: Mapping[str, Any]) -> SimpleNamespace:
    """$A_singular, whose amounts have the decimal places of the currency."""
    amounts = {name: round_to_currency(values[name], values["currency"]) for name in ($amounts)}
    return SimpleNamespace(**{**values, **amounts})
'''
MONEY_IMPORTS = {
    "service_imports": """
from collections.abc import Mapping
from typing import Any

from app.core.errors import invalid
from app.core.fields.money import fits_currency
from app.core.resources.schemas import Schema
""",
    "repository_imports": """
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from app.core.db.session import AnyRow
from app.core.fields.money import round_to_currency
""",
}
CURRENCY = '    currency: {}\n    """The currency (ISO 4217) of the amounts."""\n'


@dataclass(frozen=True)
class NewModule:
    """What a new module is called, and what its items have."""

    plural: str
    """In words, in lower case: `price lists`."""
    singular: str
    group: str
    icon: str
    sort_order: int
    fields: Sequence[NewField]

    @property
    def owner(self) -> str:
        """The class of its items."""
        return "".join(word.capitalize() for word in self.singular.split())

    @property
    def folder(self) -> str:
        return self.plural.replace(" ", "_")

    def names(self) -> dict[str, str]:
        """What the module is called, by the names of the templates."""
        a_singular = f"{'an' if self.singular[0] in 'aeiou' else 'a'} {self.singular}"
        return {
            "plural": self.plural,
            "Plural": self.plural.capitalize(),
            "singular": self.singular,
            "Singular": self.singular.capitalize(),
            "a_singular": a_singular,
            "A_singular": a_singular.capitalize(),
            "Class": self.owner,
            "folder": self.folder,
            "slug": self.plural.replace(" ", "-"),
            "table": self.singular.replace(" ", "_"),
            "group": self.group,
            "icon": self.icon,
            "sort_order": str(self.sort_order),
        }

    def contents(self) -> dict[str, str]:
        """What the fields add to the templates."""
        fields, owner, names = self.fields, self.owner, self.names()
        filtered, searched = parts.names_with(fields, "filter"), [f.name for f in fields if f.kind == "text"]
        has_choice = any(field.kind == "choice" for field in fields)
        listed = ", ".join(f'"{name}"' for name in filtered)
        has_number = any(field.kind == "integer" for field in fields)
        enums = ", ".join(sorted(field.fill("{type}", owner) for field in fields if field.kind == "choice"))
        imported = f"from app.modules.{self.folder}.models import {enums}\n" if has_choice else ""
        filled = {
            "model_imports": parts.imports_of(fields, "models"),
            "schema_imports": parts.imports_of(fields, "schemas") + imported,
            "filter_import": " filter_indexes," if filtered else "",
            "filter_indexes": f'        *filter_indexes("{names["table"]}", {listed}),\n' if filtered else "",
            "enums": parts.enums_of(fields, owner, self.singular),
            "sorted": "".join(f', "{name}"' for name in parts.names_with(fields, "sort")),
            "searched": "".join(f', "{name}"' for name in searched),
            "restricted": parts.restricted_of(fields),
            "columns": parts.lines_of(fields, owner, "column") + self.currency("str = Field(max_length=3)"),
            "created": parts.lines_of(fields, owner, "create") + self.currency("CurrencyCode"),
            "read": parts.lines_of(fields, owner, "read") + self.currency("str"),
            "filters": parts.filters_of(fields, owner, self.plural),
            "constants": "\nMAX_INTEGER = 2**31 - 1\n" if has_number else "",
        }
        return filled | self.samples() | self.money() | self.references()

    def currency(self, declared: str) -> str:
        """The field of the currency, where there are amounts."""
        return CURRENCY.format(declared) if parts.has_money(self.fields) else ""

    def money(self) -> dict[str, str]:
        """What amounts need of the service and the repository."""
        if not parts.has_money(self.fields):
            return dict.fromkeys(("service_imports", "service_rules", "repository_imports", "repository_rules"), "")
        amounts = "".join(f'"{field.name}", ' for field in self.fields if field.kind == "money").strip()
        filled = {**self.names(), "amounts": amounts}
        rules = {"service_rules": MONEY_SERVICE, "repository_rules": MONEY_REPOSITORY}
        return MONEY_IMPORTS | {name: Template(text).substitute(filled) for name, text in rules.items()}

    def samples(self) -> dict[str, str]:
        """Values of the fields, for examples and tests."""
        samples = parts.samples_of(self.fields, self.owner)
        required = {field.name for field in self.fields if field.kind == "money"} | {"currency"}
        given = "".join(f', "{name}": {value}' for name, value in samples.items() if name in required)
        changed = next(((n, v) for n, v in samples.items() if n not in required), ("name", '"Changed"'))
        return {
            "example": "".join(f"        {name}={value},\n" for name, value in samples.items()),
            "body": given,
            "change": f'"{changed[0]}": {changed[1]}',
            "seeded": "".join(f'            "{name}": {value},\n' for name, value in samples.items()),
        }

    def references(self) -> dict[str, str]:
        """What references need of the seed: the items that they refer to come first."""
        found = [(field, field.options[0].replace("-", "_")) for field in self.fields if field.kind == "reference"]
        imports = {f"from app.modules.{folder}.models import {field.model()[0]}\n" for field, folder in found}
        folders = "".join(f'"{folder}", ' for folder in sorted({folder for _, folder in found})).strip()
        lines = (f'            "{f.column}": await first_id(session, {f.model()[0]}),\n' for f, _ in found)
        return {
            "seed_imports": "".join(sorted(imports)),
            "seed_helpers": ", first_id" if found else "",
            "seed_references": "".join(lines),
            "after": f'AFTER = ({folders})\n"""Its items refer to theirs."""' if found else "",
        }


def singular_of(plural: str) -> str:
    """The probable singular; `--singular` overrides it."""
    if plural.endswith("ies"):
        return f"{plural[:-3]}y"
    return re.sub(r"((?:ss|sh|ch|x))es$|s$", r"\1", plural)


def write(module: NewModule) -> list[Path]:
    """Fill the templates. Raises FileExistsError before anything is written."""
    targets = {"module": ROOT / "app" / "modules" / module.folder, "tests": ROOT / "tests" / "modules" / module.folder}
    seed = ROOT / "seeds" / f"{module.folder}.py"
    for place in (*targets.values(), seed):
        if place.exists():
            raise FileExistsError(f"{place.relative_to(ROOT)} exists already")
    files = {seed: TEMPLATES / "seed" / "seed.py.txt"}
    for kind, folder in targets.items():
        folder.mkdir(parents=True)
        files |= {folder / each.name.removesuffix(".txt"): each for each in sorted((TEMPLATES / kind).iterdir())}
    filled = module.names() | module.contents()
    for path, template in files.items():
        path.write_text(Template(template.read_text()).substitute(filled))
    return list(files)


def parse(arguments: Sequence[str] | None = None) -> tuple[argparse.ArgumentParser, NewModule]:
    """The module that the command line describes. Exits for one that cannot be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "plural", help="what its items are called, in lower case: the folder, the path and the permissions"
    )
    parser.add_argument("--singular", help="what one is called, if it is not the plural without its s")
    parser.add_argument("--group", default="Work", help="the group in the menu")
    parser.add_argument("--icon", default="box", help="the icon in the menu")
    parser.add_argument("--sort-order", type=int, default=50, help="the place in the menu")
    about = f"a field beside the name: name:kind, of the kinds {', '.join(parts.KINDS)}"
    parser.add_argument("--field", action="append", default=[], help=f"{about}; choice=a,b and reference=module")
    given = parser.parse_args(arguments)
    plural = given.plural.replace("-", " ").replace("_", " ")
    singular = (given.singular or singular_of(plural)).replace("-", " ").replace("_", " ")
    if not all(WORDS.fullmatch(name) for name in (plural, singular)):
        parser.error("use words of lower-case letters and digits")
    if plural == singular:
        parser.error("name a plural, or give --singular")
    if not re.fullmatch(r"[A-Za-z][\w &-]*", given.group) or not re.fullmatch(r"[a-z0-9-]+", given.icon):
        parser.error("use letters, digits and blanks for the group, and the name of an icon")
    try:
        fields = [NewField.parse(text) for text in given.field] or [NOTES]
    except BadField as error:
        parser.error(str(error))
    if len({field.column for field in fields}) < len(fields):
        parser.error("name each field once")
    return parser, NewModule(plural, singular, given.group, given.icon, given.sort_order, fields)


def main() -> int:
    parser, module = parse()
    try:
        for path in write(module):
            print(f"  {path.relative_to(ROOT)}")
    except FileExistsError as error:
        parser.error(str(error))
    print(NEXT.format(plural=module.plural))
    return 0


if __name__ == "__main__":
    sys.exit(main())
