"""Renders a letter: its sentences in the language of its reader, as text and as HTML."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from app.modules.mail.rendering.catalogue import LANGUAGES
from app.modules.mail.schemas import Letter

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = Path(__file__).parent
LONGEST_VALUE = 200


@dataclass(frozen=True)
class Rendered:
    """A letter as its reader gets it."""

    language: str
    subject: str
    text: str
    html: str


def render(letter: Letter, default: str) -> Rendered:
    """The letter in its language, or else in the default one. Raises KeyError for a text that is none."""
    language = letter.language if letter.language in LANGUAGES else default
    text = LANGUAGES[language][letter.text]
    values = {name: one_line(value) for name, value in letter.values.items()}
    shown = {
        "language": language,
        "subject": text.subject.format(**values),
        "paragraphs": [paragraph.format(**values) for paragraph in text.paragraphs],
        "action": text.action if letter.url else None,
        "url": letter.url,
        "footer": LANGUAGES[language]["footer"].subject,
    }
    layouts = load_layouts()
    plain, html = (layouts.get_template(name).render(shown) for name in ("layout.txt", "layout.html"))
    return Rendered(language, str(shown["subject"]), plain, html)


def one_line(value: str) -> str:
    """A value without line breaks and invisible characters, so that it can look like nothing but a value."""
    words = "".join(each if each.isprintable() else " " for each in value).split()
    return " ".join(words)[:LONGEST_VALUE]


@cache
def load_layouts() -> "Environment":
    """The layouts. What is put into the one of HTML is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape  # noqa: PLC0415  # slow to import

    return Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=select_autoescape(("html",), default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
