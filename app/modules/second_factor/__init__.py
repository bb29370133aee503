"""The second factor: time-based one-time passwords (RFC 6238) and recovery codes."""

from app.modules.second_factor.models import SecondFactor
from app.modules.second_factor.repository import SecondFactorRepository
from app.modules.second_factor.schemas import CodeRequest, Enrolment, EnrolRequest, RecoveryCodes, SecondFactorRead
from app.modules.second_factor.service import SecondFactorService, check_step_up

__all__ = [
    "CodeRequest",
    "EnrolRequest",
    "Enrolment",
    "RecoveryCodes",
    "SecondFactor",
    "SecondFactorRead",
    "SecondFactorRepository",
    "SecondFactorService",
    "check_step_up",
]
