"""Notices: mails that tell users what was done to their accounts, so that a thief does not go unseen."""
