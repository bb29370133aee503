"""Signing in: passwords, second factors and throttling."""

from app.modules.auth.schemas import FailedAttempts
from app.modules.auth.throttling.state import failed_attempts
from app.modules.auth.throttling.throttle import CounterLimits, Throttle, reset_counters

__all__ = ["CounterLimits", "FailedAttempts", "Throttle", "failed_attempts", "reset_counters"]
