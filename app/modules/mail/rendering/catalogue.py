"""The catalogue of mails: what each says in each language. A name in braces is a value of the letter."""

from typing import NamedTuple

from app.modules.mail.rendering.english import TEXTS as ENGLISH
from app.modules.mail.rendering.german import TEXTS as GERMAN


class Text(NamedTuple):
    """What a mail says."""

    subject: str
    paragraphs: tuple[str, ...] = ()
    action: str | None = None
    """What is written on its button."""


LANGUAGES: dict[str, dict[str, Text]] = {
    language: {name: Text(*parts) for name, parts in texts.items()}
    for language, texts in {"en": ENGLISH, "de": GERMAN}.items()
}
