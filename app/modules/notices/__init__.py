"""Notices: mails that tell users what was done to their accounts, so that a thief does not go unseen."""

from app.modules.notices.service import tell

__all__ = ["tell"]
