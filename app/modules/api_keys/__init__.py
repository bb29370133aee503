"""API keys: credentials of machines, each with some of the permissions of its owner."""

from app.modules.api_keys.credential.parsed_key import PREFIX, parse, verify
from app.modules.api_keys.models import ApiKey, ApiKeyUse
from app.modules.api_keys.schemas import ApiKeyQuery, ApiKeyRead
from app.modules.api_keys.service import ApiKeyService, record_use

__all__ = [
    "PREFIX",
    "ApiKey",
    "ApiKeyQuery",
    "ApiKeyRead",
    "ApiKeyService",
    "ApiKeyUse",
    "parse",
    "record_use",
    "verify",
]
