"""Verification of addresses: users show by a mail that an address is theirs."""

from app.modules.email_verification.service import VerificationService

__all__ = ["VerificationService"]
