"""API keys: credentials of machines, each a part of what its owner may do."""

from app.modules.api_keys.models import ApiKey
from app.modules.api_keys.service import note_use
from app.modules.api_keys.tokens import PREFIX, opens, parse

__all__ = ["PREFIX", "ApiKey", "note_use", "opens", "parse"]
