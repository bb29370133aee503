"""The kind of job that sends a mail, which is declared where services can ask for it."""

from app.modules.mail.sending.kind import send_letter

__all__ = ["send_letter"]
