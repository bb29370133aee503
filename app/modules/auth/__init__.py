"""Signing in: passwords, second factors and throttling. Exports what `account` needs."""

from app.modules.auth.throttling.throttle import CounterLimits, Throttle, reset_counters

__all__ = ["CounterLimits", "Throttle", "reset_counters"]
