"""Users: people who sign in, and service accounts."""

from app.modules.users.models import User
from app.modules.users.repository import UserRepository
from app.modules.users.schemas import ProfileFields, UserCreate, UserRead
from app.modules.users.service import NoPassword, UserService

__all__ = ["NoPassword", "ProfileFields", "User", "UserCreate", "UserRead", "UserRepository", "UserService"]
