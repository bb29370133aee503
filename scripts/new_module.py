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
from scripts import module_lists as lists  # noqa: E402  # see above
from scripts.module_fields import BadField, NewField  # noqa: E402  # see above

ICONS = ROOT / "app/core/fields/lucide.txt"
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

WITHDRAWN = " It may repeat a currency that was withdrawn."
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
        fields, owner, table = self.fields, self.owner, self.names()["table"]
        searched = [field.name for field in fields if field.kind == "text"]
        sorted_by, filtered = (lists.names_indexed_for(purpose, fields) for purpose in ("sort", "filter"))
        enums = [field.fill("{type}", owner) for field in fields if field.kind == "choice"]
        shown = parts.shown_of(fields)
        filled = {
            "model_imports": parts.imports_of(fields, "models"),
            "schema_imports": parts.imports_of(fields, "schemas"),
            "models": ", ".join(sorted([owner, *enums])),
            "filter_import": " filter_indexes," if filtered else "",
            "named_import": " Named," if shown else "",
            "indexes": lists.indexes_of(fields, table),
            "enums": parts.enums_of(fields, owner, self.singular),
            "sorted": lists.quote(["created_at", "updated_at", "name", *sorted_by]),
            "searched": lists.quote(["name", *searched]),
            "restricted": lists.restricted_of(fields),
            "columns": parts.lines_of(fields, owner, "column")
            + self.currency("str = Field(max_length=3)")
            + parts.places_of(fields),
            "created": parts.lines_of(fields, owner, "create") + self.currency("CurrencyCode"),
            "read": parts.lines_of(fields, owner, "read") + self.currency("str") + shown,
            "declared": lists.declared_of(fields),
            "constants": "\nMAX_INTEGER = 2**31 - 1\n" if any(field.kind == "integer" for field in fields) else "",
        }
        return filled | self.samples() | self.money() | self.references()

    def currency(self, declared: str) -> str:
        """The field of the currency, where there are amounts."""
        return CURRENCY.format(declared) if parts.has_money(self.fields) else ""

    def money(self) -> dict[str, str]:
        """What amounts change: the classes of the service and the repository, and what an update accepts."""
        has_money = parts.has_money(self.fields)
        return {
            "Service": "AmountService" if has_money else "Service",
            "service_file": "amounts" if has_money else "service",
            "Repository": "AmountRepository" if has_money else "Repository",
            "repository_file": "amount_repository" if has_money else "repository",
            "withdrawn": WITHDRAWN if has_money else "",
            "updated": f"\n{self.currency('CurrencyLetters')}",
        }

    def samples(self) -> dict[str, str]:
        """Values of the fields, for examples and tests."""
        samples = parts.samples_of(self.fields, self.owner)
        required = {field.name for field in self.fields if field.kind == "money"} | {"currency"}
        given = "".join(f',\n        "{name}": {value}' for name, value in samples.items() if name in required)
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
        imports = {f"from app.modules.{folder}.models import {field.target().model}\n" for field, folder in found}
        folders = sorted({folder for _, folder in found})
        lines = (f'            "{f.column}": await first_id(session, {f.target().model}),\n' for f, _ in found)
        return {
            "seed_imports": "".join(sorted(imports)),
            "seed_helpers": ", first_id" if found else "",
            "seed_references": "".join(lines),
            "after": f'AFTER = {lists.tuple_of(folders)}\n"""Its items refer to theirs."""' if found else "",
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
    parser.add_argument("--icon", default="box", help="the icon in the menu, by its name in Lucide")
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
    if not re.fullmatch(r"[A-Za-z][\w &-]*", given.group) or given.icon not in ICONS.read_text().splitlines():
        parser.error("use letters, digits and blanks for the group, and the name of an icon of Lucide")
    try:
        fields = [NewField.parse(text) for text in given.field] or [NOTES]
    except BadField as error:
        parser.error(str(error))
    names = [name for field in fields for name in field.names]
    if len(set(names)) < len(names):
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
