"""Each mail is there in each language, and names the same values."""

import re
from typing import get_args

import pytest

from app.core.config import MailLanguage
from app.modules.mail import choose_language
from app.modules.mail.rendering.catalogue import LANGUAGES
from app.modules.mail.rendering.letters import render
from app.modules.mail.schemas import Letter

NAMED = re.compile(r"{(\w+)}")
ENGLISH = LANGUAGES["en"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ENGLISH)
def test_a_mail_says_the_same_in_every_language(language: str, name: str) -> None:
    there, here = LANGUAGES[language][name], ENGLISH[name]

    assert set(NAMED.findall(str(there.paragraphs))) == set(NAMED.findall(str(here.paragraphs)))
    assert NAMED.findall(there.subject) == [], "what a mail is about is the same for every reader"
    assert (there.action is None) == (here.action is None)


def test_settings_and_users_know_the_languages_of_the_catalogue() -> None:
    assert get_args(MailLanguage) == tuple(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_languages_have_the_same_mails(language: str) -> None:
    assert LANGUAGES[language].keys() == ENGLISH.keys()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", sorted(ENGLISH.keys() - {"footer"}))
def test_every_mail_can_be_written(language: str, name: str) -> None:
    values = {value: f"<{value}>" for value in NAMED.findall(str(ENGLISH[name].paragraphs))}

    written = render(
        Letter(text=name, to="a@b.example", language=language, values=values, url="https://x.example/"), "en"
    )

    assert all(value in written.text for value in values.values())
    assert not any(value in written.html for value in values.values())
    assert ("https://x.example/" in written.text) == (ENGLISH[name].action is not None)


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        (None, None),
        ("", None),
        ("de", "de"),
        ("de-AT,en;q=0.5", "de"),
        ("fr, EN;q=0.2, de;q=0.1", "en"),
        ("en;q=0, de;q=0.1", "de"),
        ("de;q=nonsense", None),
        ("*", None),
        ("fr," * 1000 + "de", None),
    ],
)
def test_a_browser_says_which_language_it_likes(accepted: str | None, chosen: str | None) -> None:
    assert choose_language(accepted) == chosen
