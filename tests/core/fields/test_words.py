"""The words of texts in every script."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.fields.folding import NOT_SEEN
from app.core.fields.words import MAX_WORD, words_of

LETTERS = st.characters(categories=["L", "M"]).filter(lambda letter: ord(letter) not in NOT_SEEN)
WORDS = st.lists(st.text(LETTERS, min_size=1, max_size=12), min_size=1, max_size=4)

SPLIT = {
    "Lumen-12 GmbH": ["12", "gmbh", "lumen"],
    "off_sale": ["off", "sale"],
    "O'Hara d’Or": ["d", "hara", "o", "or"],
    "हिन्दी": ["हिन्दी"],
    "ក្រុង\u200bភ្នំពេញ": ["ក្រុង", "ភ្នំពេញ"],
    "می\u200cخواهم": ["میخواهم"],
    "Ｆｕｌｌ ｗｉｄｔｈ": ["full", "width"],
    "STRASSE straße": ["strasse"],
    "ISPARTA İstanbul ısı": ["isi", "isparta", "istanbul"],
    "pizza🍕 👩\u200d💻": ["pizza", "🍕", "👩", "💻"],
    "the the": ["the"],
    " – ": [],
    "x" * 600: ["x" * MAX_WORD],
}


@pytest.mark.parametrize(("text", "words"), SPLIT.items())
def test_words(text: str, words: list[str]) -> None:
    assert words_of(text) == sorted(words)


@given(WORDS)
def test_every_word_of_letters_is_one_word_of_the_text(words: list[str]) -> None:
    stored = words_of(" ".join(words))

    for word in words:
        assert words_of(word)
        assert set(words_of(word)) <= set(stored)


@given(WORDS.map(" ".join))
def test_forms_of_one_text_have_the_same_words(text: str) -> None:
    composed, decomposed = (words_of(unicodedata.normalize(form, text)) for form in ("NFC", "NFD"))

    assert composed == decomposed == words_of(text)


@given(st.text())
def test_words_have_nothing_that_a_search_vector_takes_for_syntax(text: str) -> None:
    for word in words_of(text):
        assert not set(word) & set(" '\\:&|!()*<>")
        assert len(word.encode("utf-8", "surrogatepass")) <= 2046
