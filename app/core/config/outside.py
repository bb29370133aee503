"""The settings of what the application calls: other systems."""

from ipaddress import ip_network

from pydantic import Field, field_validator

from app.core.config.groups import Group


class OutgoingSettings(Group):
    """Calls of other systems by HTTP."""

    seconds: float = Field(10.0, gt=0, le=300, description="Longest time of a call with all its attempts.")
    connect_seconds: float = Field(3.0, gt=0, le=60, description="Longest time to a connection.")
    read_seconds: float = Field(5.0, gt=0, le=300, description="Longest time between two parts of an answer.")
    attempts: int = Field(3, ge=1, le=10, description="How often a call is sent that may be repeated.")
    max_bytes: int = Field(1024 * 1024, ge=1024, description="Longest answer that is read.")
    failures: int = Field(5, ge=1, description="Failures of a host, one behind the other, after which it has a pause.")
    pause_seconds: float = Field(30.0, gt=0, description="Seconds for which such a host is not called.")
    allowed_networks: tuple[str, ...] = Field(
        (), description="Networks that are not public, where strangers may be called (JSON list): none by default."
    )

    @field_validator("allowed_networks")
    @classmethod
    def check_networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for text in networks:
            try:
                ip_network(text)
            except ValueError:
                raise ValueError(f"OUTGOING__ALLOWED_NETWORKS: {text[:64]!r} is no network") from None
        return networks
