"""The table of requirements names tests that exist, and answers every requirement in one way."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs/asvs.md"
ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \| (.+) \|$", re.MULTILINE)
WITHOUT_A_TEST = ("Not applicable: ", "Documented in ")


def known_tests() -> set[str]:
    text = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    return set(re.findall(r"def (test_\w+)\(", text))


def test_every_named_test_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", TABLE.read_text()))

    assert len(named) >= 40
    assert named - known_tests() == set()


def test_every_requirement_is_answered_once() -> None:
    rows = ROW.findall(TABLE.read_text())

    assert len(rows) == len(dict(rows)) >= 90
    for requirement, answer in rows:
        assert "`test_" in answer or answer.startswith(WITHOUT_A_TEST), requirement


def test_documents_link_to_what_is_there() -> None:
    for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[\w-]+)?\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name}: {target}"
