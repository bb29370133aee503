"""Writes a new module: `python scripts/new_module.py suppliers`. Nothing else needs an edit."""

import argparse
import re
import sys
from pathlib import Path
from string import Template

ROOT = Path(__file__).parents[1]
TEMPLATES = Path(__file__).parent / "templates"
NEXT = """
The module is there. Make its migration, read it, and run the tests:

    make format
    make migration m="add {plural}"
    make test
"""


def singular_of(plural: str) -> str:
    """The probable singular; `--singular` overrides it."""
    if plural.endswith("ies"):
        return f"{plural[:-3]}y"
    return re.sub(r"((?:ss|sh|ch|x))es$|s$", r"\1", plural)


def write(plural: str, singular: str) -> list[Path]:
    """Fill the templates. Raises FileExistsError before anything is written."""
    words = {"plural": plural, "singular": singular, "Plural": plural.capitalize(), "Singular": singular.capitalize()}
    targets = {"module": ROOT / "app" / "modules" / plural, "tests": ROOT / "tests" / "modules" / plural}
    for folder in targets.values():
        if folder.exists():
            raise FileExistsError(f"{folder.relative_to(ROOT)} exists already")
    written = []
    for kind, folder in targets.items():
        folder.mkdir(parents=True)
        for template in sorted((TEMPLATES / kind).iterdir()):
            path = folder / template.name.removesuffix(".txt")
            path.write_text(Template(template.read_text()).substitute(words))
            written.append(path)
    return written


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("plural", help="the folder, the path and the permission slug: one lower-case plural noun")
    parser.add_argument("--singular", help="the table and the class, if it is not the plural without its s")
    arguments = parser.parse_args()
    singular = arguments.singular or singular_of(arguments.plural)
    if not all(re.fullmatch(r"[a-z][a-z0-9]*", name) for name in (arguments.plural, singular)):
        parser.error("use lower-case letters and digits")
    if arguments.plural == singular:
        parser.error("name a plural, or give --singular")
    try:
        for path in write(arguments.plural, singular):
            print(f"  {path.relative_to(ROOT)}")
    except FileExistsError as error:
        parser.error(str(error))
    print(NEXT.format(plural=arguments.plural))
    return 0


if __name__ == "__main__":
    sys.exit(main())
