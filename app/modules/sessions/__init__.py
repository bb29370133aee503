"""Sessions: one for each sign-in, continued by refresh tokens, until they end."""

from app.modules.sessions.models import AuthSession, SessionUse
from app.modules.sessions.repository import LoginRepository, SessionRepository
from app.modules.sessions.schemas import AccessToken, LoginQuery, LoginRead, SessionQuery, SessionRead, TokenPair
from app.modules.sessions.service import SessionAdmin, device_of
from app.modules.sessions.tokens.session_tokens import (
    BadCredentials,
    BadRefreshToken,
    SessionTokens,
    confirm_generation,
    end_sessions,
    login_log_entry,
)

__all__ = [
    "AccessToken",
    "AuthSession",
    "BadCredentials",
    "BadRefreshToken",
    "LoginQuery",
    "LoginRead",
    "LoginRepository",
    "SessionAdmin",
    "SessionQuery",
    "SessionRead",
    "SessionRepository",
    "SessionTokens",
    "SessionUse",
    "TokenPair",
    "confirm_generation",
    "device_of",
    "end_sessions",
    "login_log_entry",
]
