"""An item is found by each word of its name, in every script, on every database and in another locale."""

import unicodedata

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings

from tests.core.fields.test_words import WORDS
from tests.own_servers import EVERY_LOCALE
from tests.people import Person, SignedInAs

NAMES = {
    "Hindi": "हिन्दी किताबें",
    "Bengali": "বাংলা বইয়ের দোকান",
    "Tamil": "தமிழ் புத்தகங்கள்",
    "Thai": "น้ำผึ้ง ที่สุด",
    "Khmer": "ភ្នំពេញ ក្រុង",
    "Burmese": "မြန်မာ နိုင်ငံ",
    "Tibetan": "བོད་ཡིག",
    "Sinhala": "සිංහල භාෂාව",
    "Arabic": "مُحَمَّدٌ رَسُول",
    "Persian": "می\u200cخواهم کتاب",
    "Hebrew": "שָׁלוֹם עֲלֵיכֶם",
    "Greek": "ΣΊΣΥΦΟΣ Ὀδυσσεύς",
    "Georgian": "ᲗᲑᲘᲚᲘᲡᲘ ქართული",
    "Cherokee": "ᏣᎳᎩ ꮳꮃꭹ",
    "Korean": "서울 한국어",
    "Japanese": "デスク ランプ",
    "Turkish": "İstanbul ILICA ığdır",
    "Vietnamese": "Tiếng Việt",
    "Yoruba": "ọ̀rọ̀ Yorùbá",
    "Adlam": "𞤀𞤣𞤤𞤢𞤥",
    "emoji": "🍕 👩\u200d💻",
}

pytestmark = pytest.mark.parametrize("backend", EVERY_LOCALE, indirect=True, scope="session")


@pytest.fixture
async def clerk(signed_in_as: SignedInAs) -> Person:
    return await signed_in_as("tasks:create", "tasks:read", "tasks:update")


async def titles(person: Person, q: str) -> list[str]:
    answer = (await person.get("/tasks", params={"q": q, "limit": 100})).raise_for_status()
    return [item["title"] for item in answer.json()["items"]]


async def test_an_item_is_found_by_the_words_of_its_name(clerk: Person) -> None:
    for name in NAMES.values():
        (await clerk.post("/tasks", {"title": name})).raise_for_status()

    for name in NAMES.values():
        for form in ("NFC", "NFD"):
            for q in (name, *name.split(), name.upper(), name.lower(), name.title()):
                assert name in await titles(clerk, unicodedata.normalize(form, q)), (name, q, form)


async def test_a_decomposed_name_is_found_and_a_change_moves_the_item(clerk: Person) -> None:
    made = (await clerk.post("/tasks", {"title": unicodedata.normalize("NFD", "Café Ñandú")})).raise_for_status().json()
    assert len(await titles(clerk, "café")) == len(await titles(clerk, "ñan")) == 1

    (await clerk.patch(f"/tasks/{made['id']}", {"title": "Tea"})).raise_for_status()
    assert await titles(clerk, "café") == []
    assert await titles(clerk, "tea") == ["Tea"]

    (await clerk.patch(f"/tasks/{made['id']}", {"description": "कॉफ़ी"})).raise_for_status()
    assert await titles(clerk, "tea कॉफ़ी") == ["Tea"]


@hypothesis_settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(words=WORDS)
async def test_any_item_is_found_by_any_of_its_words(clerk: Person, words: list[str]) -> None:
    made = (await clerk.post("/tasks", {"title": " ".join(words)})).raise_for_status().json()

    for word in words:
        answer = await clerk.get("/tasks", params={"q": word, "limit": 100})
        assert made["id"] in [item["id"] for item in answer.json()["items"]], (words, word)
