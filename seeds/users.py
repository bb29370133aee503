"""Demo users: one for each way of using the product."""

import secrets

from pydantic import SecretStr
from sqlalchemy import select
from sqlmodel import col

from app.core.db.session import Session
from app.core.security.passwords import PasswordHasher
from app.modules.users import User, UserCreate, UserService

PEOPLE = {
    "admin": ("Ada", "Admin", True),
    "office": ("Olga", "Office", False),
    "manager": ("Max", "Manager", False),
    "warehouse": ("Wanda", "Warehouse", False),
    "sales": ("Sam", "Sales", False),
    "support": ("Sue", "Support", False),
    "reader": ("Rita", "Reader", False),
    "auditor": ("Otto", "Auditor", False),
}


async def seed(session: Session, _count: int) -> dict[str, str]:
    """Create missing users with random passwords. A user who was renamed or deleted is not created again."""
    names = select(col(User.username), col(User.email)).execution_options(include_deleted=True)
    present = {name for row in await session.execute(names) for name in row}
    credentials: dict[str, str] = {}
    hasher = PasswordHasher(queue=1)
    try:
        for username, (first_name, last_name, is_superuser) in PEOPLE.items():
            email = f"{username}@example.com"
            if not present & {username, email}:
                credentials[username] = secrets.token_urlsafe(15)
                await UserService(session, hasher).create(
                    UserCreate(
                        username=username,
                        email=email,
                        first_name=first_name,
                        last_name=last_name,
                        is_superuser=is_superuser,
                        password=SecretStr(credentials[username]),
                    )
                )
    finally:
        hasher.close()
    return credentials
