"""Answers of several calls by the name of the call, so that a comparison that fails names the call."""

from collections.abc import Mapping

import httpx


def statuses(answers: Mapping[str, httpx.Response]) -> dict[str, int]:
    """The status of each call."""
    return {call: answer.status_code for call, answer in answers.items()}


def refusals(answers: Mapping[str, httpx.Response]) -> dict[str, tuple[int, str]]:
    """The status and the error code of each call."""
    return {call: (answer.status_code, answer.json()["code"]) for call, answer in answers.items()}
