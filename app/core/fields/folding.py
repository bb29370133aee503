"""The one form in which texts are compared: what is the same name to a reader is the same text to every database.

Databases fold differently: by their locale, by their version, or ASCII only. So they are given what is folded here.
"""

import unicodedata

IGNORABLE = (
    *((0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F)),
    *((0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF)),
    *((0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF)),
)
"""Default_Ignorable_Code_Point of Unicode, as ranges: characters that are not seen."""
NOT_SEEN = dict.fromkeys(number for first, last in IGNORABLE for number in range(first, last + 1))
"""The same, as `str.translate` removes them."""


def fold_text(text: str) -> str:
    """`text` as it is compared: NFKC_Casefold (Unicode, 3.13), with single spaces between words and none around.

    So neither case, nor full width, nor characters that are not seen make another name.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFD", text).casefold()
        text = unicodedata.normalize("NFKD", text).casefold()  # what a compatibility form stands for has a case, too
        text = unicodedata.normalize("NFKC", text.translate(NOT_SEEN))
    return " ".join(text.casefold().split())
