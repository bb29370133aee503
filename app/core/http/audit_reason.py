"""The header `Audit-Reason`: why the caller makes a request, in the caller's words, which entries of both logs keep."""

from contextlib import suppress

from app.core.context import RequestContext
from app.core.errors import Malformed
from app.core.runtime.masking import mask_text

HEADER = "audit-reason"
MAX_CHARACTERS = 500


def read_reason(header: str | None) -> str | None:
    """The reason in UTF-8, else in Latin-1, with e-mail addresses and credentials masked; None without one."""
    if not header or not header.strip():
        return None
    with suppress(UnicodeDecodeError):  # it is Latin-1, as a browser sends it
        header = header.encode("latin-1").decode()
    return mask_text(header.strip(), MAX_CHARACTERS + 1)


def check_reason(context: RequestContext) -> None:
    """Raise Malformed for a reason that is too long."""
    if context.reason is not None and len(context.reason) > MAX_CHARACTERS:
        context.reason = context.reason[:MAX_CHARACTERS]
        raise Malformed(f"Audit-Reason has at most {MAX_CHARACTERS} characters.")
