"""Why a month cannot be archived or restored."""


class Refused(Exception):
    """A month cannot be archived or restored; the message says why."""
