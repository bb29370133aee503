"""Attest: a back-office API whose every request and every change can be proved."""

__version__ = "0.1.0"
