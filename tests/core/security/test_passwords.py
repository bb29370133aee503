"""The hash that stands in for that of an unknown user."""

from time import process_time

import pytest

from app.core.security import passwords

pytestmark = pytest.mark.usefixtures("real_hashes")


def seconds_to_make_it() -> float:
    passwords.dummy_hash.cache_clear()
    began = process_time()
    passwords.dummy_hash()
    return process_time() - began


def test_no_start_waits_for_the_hash_of_an_unknown_user() -> None:
    began = process_time()
    passwords.contexts.hash("a password")
    seconds_to_hash = process_time() - began

    assert min(seconds_to_make_it() for _ in range(5)) < seconds_to_hash / 5


def test_it_is_verified_with_the_present_parameters_and_matches_nothing() -> None:
    dummy = passwords.dummy_hash()

    assert (
        dummy.rpartition("$")[0].rpartition("$")[0]
        == passwords.contexts.hash("a").rpartition("$")[0].rpartition("$")[0]
    )
    assert len(dummy) == len(passwords.contexts.hash("a"))
    assert not passwords.contexts.needs_update(dummy)
    assert not passwords.contexts.verify("a password of no user", dummy)
