"""Cells of CSV files that no spreadsheet runs (OWASP, CSV injection), and their texts again.

A spreadsheet takes a cell for a formula that begins with one of `FORMULA`, also after white space. A spreadsheet of
another locale splits lines at `;` or at tabs instead of commas, and then does not see our quotes: every place in a text
that may become the beginning of a cell or of a line gets a `'` as well. One more quote than before is added wherever
the text has a formula, so that taking one away restores any text.
"""

import re

INVISIBLE = r"\s\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff"
FORMULA = "[=+\\-@＝＋－＠﹦﹢﹣﹫]"
"""The characters that begin a formula, with their full-width and small forms."""
DANGEROUS = re.compile(rf"'*+(?:[\t\r\n]|[{INVISIBLE}]*+{FORMULA})")
"""The beginning of a text that needs a quote in front."""
INNER = re.compile(rf"(?<![;'\"{INVISIBLE}])[;'\"{INVISIBLE}]++(?={FORMULA})")
"""What stands before a formula within a text. It begins where the run of such characters begins: in linear time."""
SEPARATOR = re.compile(r"[;\t\r\n]")
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def neutralize(text: str) -> str:
    """`text` as a cell that no spreadsheet runs. A number stays a number."""
    if NUMBER.fullmatch(text):
        return text
    text = INNER.sub(lambda found: found[0] + "'" if SEPARATOR.search(found[0]) else found[0], text)
    return f"'{text}" if DANGEROUS.match(text) else text


def restore(cell: str) -> str:
    """The text of a cell that `neutralize` wrote."""
    if cell.startswith("'") and DANGEROUS.match(cell, 1):
        cell = cell[1:]
    return INNER.sub(lambda found: found[0].removesuffix("'") if SEPARATOR.search(found[0]) else found[0], cell)
