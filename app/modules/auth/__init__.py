"""Sign-in, sessions and tokens."""

from app.modules.auth.models import AuthSession

__all__ = ["AuthSession"]
