"""Signing in: passwords, second factors and throttling."""

from app.modules.auth.schemas import FailedAttempts
from app.modules.auth.throttling.state import failed_attempts
from app.modules.auth.throttling.throttle import (
    CounterLimits,
    Throttle,
    TooManyAttempts,
    hash_identifier,
    reset_counters,
)

__all__ = [
    "CounterLimits",
    "FailedAttempts",
    "Throttle",
    "TooManyAttempts",
    "failed_attempts",
    "hash_identifier",
    "reset_counters",
]
