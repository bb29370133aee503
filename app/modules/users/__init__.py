"""Who may sign in."""

from app.modules.users.models import User
from app.modules.users.repository import UserRepository
from app.modules.users.schemas import UserCreate, UserRead
from app.modules.users.service import CannotGrant, UserService, refuse_dominated

__all__ = ["CannotGrant", "User", "UserCreate", "UserRead", "UserRepository", "UserService", "refuse_dominated"]
