"""E-mail addresses."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, EmailStr

from app.core.sentences import refusal

MAX_LOCAL_BYTES = 64
"""Of the part before the @, in UTF-8 (RFC 5321, 4.5.3.1.1 and RFC 6531, 3.2)."""


def refuse_name(value: object) -> object:
    """`value`, unless it has a name beside the address, which would be lost."""
    if isinstance(value, str) and ("<" in value or ">" in value):
        raise refusal("not-only-an-address", "Send the address alone, as in ann@example.com, without a name.")
    return value


def check_local_part(address: str) -> str:
    """`address`, if mail servers take what is before the @; else it is refused."""
    if len(address.rpartition("@")[0].encode()) > MAX_LOCAL_BYTES:
        detail = f"The part before the @ has more than {MAX_LOCAL_BYTES} bytes."
        raise refusal("local-part-too-long", detail, max_bytes=MAX_LOCAL_BYTES)
    return address


EmailAddress = Annotated[EmailStr, BeforeValidator(refuse_name), AfterValidator(check_local_part)]
"""An e-mail address and nothing else. Its domain is in lower case, and in letters rather than punycode."""
