"""What documents name is there: links, files, settings, commands, error codes; and the words that they use."""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from app.core.config import Settings
from app.core.errors import Problem
from app.main import app
from tests.docs.examples import DOCUMENTS, FENCE, ROOT

LINK = re.compile(r"\]\(([^)#:\s]*)(?:#([\w-]+))?\)")
CODE = re.compile(r"`[^`\n]+`")
PATH = re.compile(r"`((?:app|alembic|clients|core|docs|modules|scripts|seeds|tests|audit|auth)/[\w./-]+)`")
SETTING = re.compile(r"\b((?:[A-Z]+)__[A-Z_]+)\b")
MAKE_TARGET = re.compile(r"(?:^|^\$ |`|^\w+=\S+ )make ([a-z0-9-]+)", re.MULTILINE)
CODES_ROW = re.compile(r"^\| (\d[\d, ]*) \| (.+) \|$", re.MULTILINE)
SECTIONS = ("**Context.**", "**Decision.**", "**Rejected.**")
RECORDS = sorted((ROOT / "docs/adr").glob("[0-9]*.md"))
REFUSED = re.compile(
    r"\bthe record\b|\b(access|change) rows?\b|\bjudge[sd]?\b|\b(whoever|nobody|somebody)\b"
    r"|openapi\.promises|\brecord-unavailable\b|\bdominated\b",
    re.IGNORECASE,
)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(document: Path) -> set[str]:
    """The anchors of the headings, as GitHub makes them."""
    text = FENCE.sub("", document.read_text())
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_links_and_files_exist(document: Path) -> None:
    text = FENCE.sub("", document.read_text())
    for target, anchor in LINK.findall(text):
        found = document.parent / target if target else document
        assert found.exists(), target
        assert not anchor or anchor in anchors(found), f"{target}#{anchor}"
    for path in PATH.findall(text.replace("/suppliers", "/tasks")):  # the example of a module that is not there yet
        places = (ROOT, ROOT / "app", ROOT / "app/core", ROOT / "app/modules")
        assert any((place / path).exists() for place in places), path


def setting_names(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from setting_names(kind, f"{name.upper()}__")
        else:
            yield f"{prefix}{name.upper()}"


def test_settings_and_commands_exist() -> None:
    text = "\n".join(document.read_text() for document in DOCUMENTS)
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    named = set(SETTING.findall(text))

    assert len(named) >= 15
    assert named - set(setting_names(Settings)) == set()
    assert set(MAKE_TARGET.findall(text)) - targets == set()


def problems(kind: type[Problem] = Problem) -> Iterator[type[Problem]]:
    yield kind
    for below in kind.__subclasses__():
        yield from problems(below)


def test_the_table_of_error_codes_is_complete() -> None:
    assert app.routes, "every module is imported, and every problem known"
    raised: defaultdict[int, set[str]] = defaultdict(set)
    for kind in problems():
        if kind.__module__.startswith("app."):
            raised[int(kind.status)].add(kind.code)

    listed: defaultdict[int, set[str]] = defaultdict(set)
    for statuses, cell in CODES_ROW.findall((ROOT / "docs/guides/http.md").read_text()):
        codes = set(re.findall(r"`([a-z-]+)`", cell))
        for status in map(int, statuses.split(", ")):
            listed[status] |= codes & raised[status] if "," in statuses else codes
    assert dict(listed) == dict(raised)


def test_commands_that_can_run_are_run() -> None:
    """`curl` stands in `console` blocks only, which another test runs."""
    for document in DOCUMENTS:
        text = document.read_text()
        others = [found[2] for found in FENCE.finditer(text) if found[1] != "console"]
        assert not [block for block in others if re.search(r"^\s*(\$ )?curl ", block, re.MULTILINE)], document
        assert not re.search(r"^    (\$ |curl )", FENCE.sub("", text), re.MULTILINE), document


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_documents_use_the_standard_terms(document: Path) -> None:
    prose = CODE.sub("", FENCE.sub("", document.read_text()))

    assert [found[0] for found in REFUSED.finditer(prose)] == []


def test_decisions_are_numbered_and_dated() -> None:
    assert [int(record.name[:4]) for record in RECORDS] == list(range(1, len(RECORDS) + 1))
    for record in RECORDS:
        title, _, status, date = record.read_text().splitlines()[:4]
        assert title.startswith(f"# {int(record.name[:4])}. "), record.name
        assert re.fullmatch(r"- Status: (Accepted|Superseded by \[\d{4}\]\(\S+\))", status), record.name
        assert re.fullmatch(r"- Date: 20\d\d-\d\d-\d\d", date), record.name
        places = [record.read_text().find(section) for section in SECTIONS]
        assert -1 not in places, record.name
        assert places == sorted(places), record.name
