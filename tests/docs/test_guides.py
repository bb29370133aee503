"""What the README and the guides show is what happens."""

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.docs.examples import DOCUMENTS, ROOT, Example, examples, run_in_one_shell

RECIPE = ROOT / "docs/guides/adding-a-module.md"
SETUP = ROOT / "docs/index.md"
"""Its commands come before those of every guide."""
README_SERVER = "http://127.0.0.1:8000"
RUN = [document for document in DOCUMENTS if document != RECIPE and examples(document)]
FOLDERS = ("alembic", "app", "clients", "docs", "scripts", "seeds", "tests")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "node_modules", "build", "dist", "generated", "python_modules")
FREE_NAME = "widgets"
NARROW_TESTS = (
    "pytest -q tests/architecture tests/modules/{name} -k '{name} or test_contract or files_stay or docstrings_are'",
    "ruff check . && ruff format --check .",
)
"""Instead of `make test`: the tests of the module, its files among them, and of the API contract; then a part of
`make check`.

`tests/architecture/test_new_module.py` runs the tests of all routes and resources, and the import contracts, with a new
module.
"""


def test_every_guide_with_requests_has_examples_that_run() -> None:
    assert ROOT / "README.md" in RUN
    assert len(RUN) >= 6
    assert sum(len(examples(document)) for document in RUN) >= 40


@pytest.mark.parametrize("document", RUN, ids=lambda path: path.stem)
def test_the_examples_print_what_the_document_shows(document: Path, shell: dict[str, str], tmp_path: Path) -> None:
    setup = examples(SETUP) if ROOT / "docs/guides" in document.parents else []
    wanted = [*setup, *examples(document)]

    results = run_in_one_shell(
        [example.command.replace(README_SERVER, shell["SERVER"]) for example in wanted], shell, tmp_path
    )

    place = document.relative_to(ROOT)
    assert len(results) == len(wanted), f"{place}: the shell stopped at {wanted[len(results)].command}"
    for example, result in zip(wanted, results, strict=True):
        assert result.code == 0, f"{place}:{example.line}: {example.command}\n{result.printed}"
        shown = result.printed.replace(shell["SERVER"], README_SERVER)
        assert example.matches(shown), f"{place}:{example.line}: {example.command}\n{shown}"


def test_a_difference_is_found() -> None:
    example = Example(1, "", '{"id": "…",\n "name": "Ada", …}')

    assert example.matches('{"id":"1","name":"Ada","version":1}\n')
    assert not example.matches('{"id":"1","name":"Eve","version":1}\n')
    assert not example.matches('{"type":"/problems/not-found"}\n')


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what the recipe needs, with the environment that runs this test in place of `.venv`."""
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=LEFT_OUT)
    for file in ROOT.iterdir():
        if file.is_file() and file.name != ".env":
            shutil.copy2(file, tmp_path / file.name)
    environment = tmp_path / ".venv"
    environment.mkdir()
    for path in Path(sys.prefix).iterdir():
        if path.name not in {".runtime", ".development"}:
            (environment / path.name).symlink_to(path)
    for name in (".runtime", ".development"):
        (environment / name).touch()
    without_npm = tmp_path / "bin"
    without_npm.mkdir()
    (without_npm / "npm").symlink_to("/bin/true")
    return tmp_path


@pytest.mark.timeout(300)
def test_the_recipe_for_a_module_works(tree: Path) -> None:
    """With the name of the guide, or another one where that module exists. The client's types are not made here."""
    wanted = examples(RECIPE)
    named = re.search(r"new_module.py (\w+)", wanted[0].command)
    assert named
    name = named[1] if not (ROOT / "app/modules" / named[1]).exists() else FREE_NAME
    environment = {
        **os.environ,
        "DATABASE_URL": f"sqlite+aiosqlite:///{tree}/var/new.db",
        "STATE_DIR": f"{tree}/var",
        "PYTHONPATH": str(tree),
        "PATH": f"{tree}/bin:{tree}/.venv/bin:{os.environ['PATH']}",
    }
    commands = [example.command.replace(named[1], name) for example in wanted]
    assert commands[-1] == "make test"

    results = run_in_one_shell(
        [*commands[:-1], *(test.format(name=name) for test in NARROW_TESTS)], environment, tree, seconds=280
    )

    for command, result in zip([*commands[:-1], *NARROW_TESTS], results, strict=True):
        assert result.code == 0, f"{command}\n{result.printed[-6000:]}"
    assert all((tree / path).is_dir() for path in (f"app/modules/{name}", f"tests/modules/{name}"))
    assert f"/api/v1/{name}" in (tree / "docs/openapi.json").read_text()
    migrations = [path.name for path in (tree / "alembic/versions").glob(f"*add_{name}.py")]
    assert len(migrations) == 1
    ran = dict(re.findall(r"^(sqlite|postgresql) \S+: (\d+) passed", results[-2].printed, re.MULTILINE))
    assert int(ran["sqlite"]) == int(ran["postgresql"]) >= 1
