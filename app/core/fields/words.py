"""The words of a text, in every script: the one tokenizer of searches, for what is stored and for what is asked."""

import unicodedata

from app.core.fields.folding import fold_text

MAX_WORD = 500
"""Characters of a word that count. PostgreSQL stores 2,046 bytes of one."""
ZERO_WIDTH_SPACE = "\u200b"
"""It ends words in Thai, Khmer and Burmese."""
DOTTED_I = "i\u0307"
DOTLESS_I = "\u0131"


class Breaks(dict[int, str]):
    """What `str.translate` makes of the characters of a folded text, by category; looked up once for each.

    Letters, marks, digits and what this version of Unicode does not know are parts of words. A symbol, such as an
    emoji, is a word by itself. All else is between words.
    """

    def __missing__(self, number: int) -> str:
        character = chr(number)
        category = unicodedata.category(character)
        if category[0] in "LMN" or category in ("Cn", "Co"):
            self[number] = character
        else:
            self[number] = f" {character} " if category == "So" else " "
        return self[number]


BREAKS = Breaks()


def words_of(text: str) -> list[str]:
    """The different words of `text`, folded. The i of Turkish, with a dot and without, are one letter."""
    folded = fold_text(text.replace(ZERO_WIDTH_SPACE, " ")).replace(DOTTED_I, "i").replace(DOTLESS_I, "i")
    return sorted({word[:MAX_WORD] for word in folded.translate(BREAKS).split()})
