"""Settings, read once from the environment and `.env`; frozen, and strict about unsafe values."""

from app.core.config.events import EventSettings
from app.core.config.groups import (
    ApprovalSettings,
    AuditSettings,
    AuthSettings,
    CorsSettings,
    DatabaseSettings,
    Group,
    InternalSettings,
    LimitSettings,
    RateLimitSettings,
    RetentionSettings,
    ServerSettings,
    WitnessSettings,
)
from app.core.config.jobs import JobSettings
from app.core.config.outside import MailLanguage, MailServer, MailSettings, OutgoingSettings, WebhookSettings
from app.core.config.settings import Environment, Settings, settings

__all__ = [
    "ApprovalSettings",
    "AuditSettings",
    "AuthSettings",
    "CorsSettings",
    "DatabaseSettings",
    "Environment",
    "EventSettings",
    "Group",
    "InternalSettings",
    "JobSettings",
    "LimitSettings",
    "MailLanguage",
    "MailServer",
    "MailSettings",
    "OutgoingSettings",
    "RateLimitSettings",
    "RetentionSettings",
    "ServerSettings",
    "Settings",
    "WebhookSettings",
    "WitnessSettings",
    "settings",
]
