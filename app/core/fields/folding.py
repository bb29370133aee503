"""The one form in which texts are compared: what is the same name to a reader is the same text to every database.

Databases fold differently: by their locale, by their version, or ASCII only. So they are given what is folded here.
"""

import unicodedata

import idna

MAX_DOMAIN_LENGTH = 253
"""Characters of a domain (RFC 1035). A longer text is none, and not worth the work."""
IGNORABLE = (
    *((0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F)),
    *((0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF)),
    *((0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF)),
)
"""Default_Ignorable_Code_Point of Unicode, as ranges: characters that are not seen."""
NOT_SEEN = dict.fromkeys(number for first, last in IGNORABLE for number in range(first, last + 1))
"""The same, as `str.translate` removes them."""


def compose(text: str) -> str:
    """`text` in normalization form C, which looks the same and in which equal texts have equal characters."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def fold_text(text: str) -> str:
    """`text` as it is compared: NFKC_Casefold (Unicode, 3.13), with single spaces between words and none around.

    So neither case, nor full width, nor characters that are not seen make another name.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFD", text).casefold()
        text = unicodedata.normalize("NFKD", text).casefold()  # what a compatibility form stands for has a case, too
        text = unicodedata.normalize("NFKC", text.translate(NOT_SEEN))
    return " ".join(text.casefold().split())


def fold_email(text: str) -> str:
    """An e-mail address, or a user name, as it is compared: the domain as DNS writes it (UTS 46, punycode)."""
    local, at, domain = unicodedata.normalize("NFKC", text).strip().rpartition("@")
    return fold_text(local) + at + fold_domain(domain) if at else fold_text(text)


def fold_domain(domain: str) -> str:
    """A domain in its A-labels. What is no domain is folded as a text."""
    folded = fold_text(domain)
    is_plain = domain.isascii() and "xn--" not in folded
    if is_plain or len(domain) > MAX_DOMAIN_LENGTH:
        return folded
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except UnicodeError:  # IDNAError is one
        return folded
