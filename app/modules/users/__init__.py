"""Users: people who sign in, and service accounts."""

from app.modules.users.models import User
from app.modules.users.repository import UserRepository
from app.modules.users.schemas import ProfileFields, UserCreate, UserRead
from app.modules.users.service import UserService

__all__ = ["ProfileFields", "User", "UserCreate", "UserRead", "UserRepository", "UserService"]
