"""Text fields: one-line names, long texts, slugs and permission names."""

import re
from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints

from app.core.fields.folding import NOT_SEEN, compose
from app.core.sentences import refusal

BREAKS = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
"""Control characters, and what begins another line."""
DIRECTIONS = r"\u202a-\u202e\u2066-\u2069"
"""What makes the text that follows run the other way: a name would be read as another one."""
ONE_LINE = rf"^[^{BREAKS}{DIRECTIONS}]*$"
LATER_BREAKS = re.compile(r"[\x80-\x9f\u2028\u2029]")
REVERSING = re.compile(f"[{DIRECTIONS}]")
BLANKS = {**NOT_SEEN, ord("\u2800"): None}
"""What leaves nothing to see, beside white space: characters that are not seen, and the empty pattern of Braille."""


def compose_text(value: object) -> object:
    """A text in normalization form C; anything else as it is."""
    return compose(value) if isinstance(value, str) else value


def compose_line(value: object) -> object:
    """The same of a name. Refuses one that has nothing to see, is of several lines, or runs backwards."""
    if not isinstance(value, str) or value.isascii():
        return value  # the constraints of the field say the rest
    if LATER_BREAKS.search(value):
        raise refusal("not-one-line", "A name is one line, without control characters.")
    if REVERSING.search(value):
        raise refusal("changes-direction", "A name has no characters that change the direction of text.")
    if not value.translate(BLANKS).strip():
        raise refusal("nothing-to-see", "A name needs a character that can be seen.")
    return compose(value)


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=ONE_LINE),
    BeforeValidator(compose_line),
]
"""One line of text that can be seen, in normalization form C, without surrounding white space."""
Text = Annotated[str, StringConstraints(max_length=10_000), BeforeValidator(compose_text)]
"""Text of several lines, in normalization form C."""
ActionName = Annotated[str, Field(max_length=40, pattern=r"^[a-z][a-z0-9-]*$")]
"""An action of a module, or a scope of its rows."""
PermissionName = Annotated[
    str, Field(max_length=150, pattern=r"^[a-z0-9][a-z0-9-]*:[a-z][a-z0-9-]*(@[a-z][a-z0-9-]*)?$")
]
"""A permission, `module:action`, or `module:action@scope` for the rows of a scope only."""
Slug = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9-]*$")]
"""A stable name made of lower-case letters, digits and hyphens."""


def is_encodable(text: str) -> bool:
    """Whether UTF-8 can represent `text`; it cannot represent half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def split_commas(value: object) -> object:
    """A list whose texts may themselves be lists, with commas."""
    if not isinstance(value, list):
        return value
    return [part for each in value for part in (each.split(",") if isinstance(each, str) else [each])]
