"""Sign-in, sessions and tokens."""

from app.modules.auth.models import AuthSession
from app.modules.auth.sessions import confirm

__all__ = ["AuthSession", "confirm"]
