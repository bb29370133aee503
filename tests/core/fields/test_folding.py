"""The folded form of texts, which is unique and by which people are found."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.fields.folding import fold_email, fold_text

ENCODABLE = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@pytest.mark.parametrize(
    "spellings",
    [
        ("ACME", "acme", "ＡＣＭＥ", "ac\u00adme", "Acme\u200b", " acme "),
        ("Café", "Cafe\u0301", "CAFÉ"),
        ("가방", "\u1100\u1161\u1107\u1161\u11bc"),
        ("ΣΑΣ", "σας", "σασ"),
        ("Straße", "STRASSE"),
        ("İpek", "i\u0307pek"),
        ("ﬁn", "FIN"),
        ("Two words", "two\u00a0words", "two  words", "two\u3000words"),
    ],
    ids=lambda spellings: spellings[0],
)
def test_spellings_of_one_name_fold_alike(spellings: tuple[str, ...]) -> None:
    assert len({fold_text(each) for each in spellings}) == 1


@pytest.mark.parametrize(("one", "other"), [("ingrid", "ıngrid"), ("Café", "Cafe"), ("がく", "かく"), ("1", "١")])
def test_other_letters_are_another_name(one: str, other: str) -> None:
    assert fold_text(one) != fold_text(other)


@pytest.mark.parametrize(
    "spellings",
    [
        ("ann@münchen.example", "ANN@MÜNCHEN.example", "ann@xn--mnchen-3ya.example", "ann＠mu\u0308nchen.example "),
        ("ann@example.com", "Ann@Example.COM", "ａｎｎ@example。com"),
        ("İpek@example.com", "İpek@EXAMPLE.com"),
    ],
    ids=lambda spellings: spellings[0],
)
def test_spellings_of_one_address_fold_alike(spellings: tuple[str, ...]) -> None:
    assert len({fold_email(each) for each in spellings}) == 1


def test_a_domain_with_a_sharp_s_is_another_domain() -> None:
    """As DNS has it since IDNA 2008."""
    assert fold_email("ann@straße.example") != fold_email("ann@strasse.example")


@pytest.mark.parametrize("typed", ["", "@", "ann@", "ann@xn--", "ann@" + "ü" * 300, "ann@\ud800", "a@b@ü_.de", "ann"])
def test_what_is_no_address_is_folded_all_the_same(typed: str) -> None:
    assert fold_email(typed) == fold_email(fold_email(typed))


@given(ENCODABLE)
def test_a_folded_text_stays_as_it_is(text: str) -> None:
    assert fold_text(fold_text(text)) == fold_text(text)


@given(ENCODABLE)
def test_normalization_forms_fold_alike(text: str) -> None:
    assert len({fold_text(unicodedata.normalize(form, text)) for form in ("NFC", "NFD", "NFKC", "NFKD")}) == 1
