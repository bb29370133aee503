"""Text fields: one-line names, long texts, slugs and permission names."""

from typing import Annotated

from pydantic import Field, StringConstraints

Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")
]
"""One line of text, without surrounding white space."""
Text = Annotated[str, StringConstraints(max_length=10_000)]
"""Text of several lines."""
PermissionName = Annotated[str, Field(max_length=80, pattern=r"^[a-z0-9][a-z0-9-]*:(create|read|update|delete|audit)$")]
"""A permission, `module:action`."""
Slug = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9-]*$")]
"""A stable name made of lower-case letters, digits and hyphens."""


def is_encodable(text: str) -> bool:
    """Whether UTF-8 can represent `text`; it cannot represent half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
