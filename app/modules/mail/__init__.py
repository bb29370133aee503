"""Mail: sent by jobs, in the language of its reader, as text and as HTML."""

from app.modules.mail.rendering.languages import choose_language
from app.modules.mail.schemas import Letter
from app.modules.mail.service import Mailer, MailIsOff, in_words, letter_to, token_letter

__all__ = ["Letter", "MailIsOff", "Mailer", "choose_language", "in_words", "letter_to", "token_letter"]
