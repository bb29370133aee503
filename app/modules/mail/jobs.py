"""The kinds of jobs that send a mail, which are declared where services can ask for it."""

from app.modules.mail.sending.kind import send_letter, send_unlisted_letter

__all__ = ["send_letter", "send_unlisted_letter"]
