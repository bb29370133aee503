"""The rules of tags. What every resource does is tested in tests/contract."""

from tests.modules.tags.factory import PATH, body
from tests.people import SignedInAs


async def test_a_name_is_taken_once(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tags:create")
    wanted = body()

    first = await person.post(PATH, wanted)
    second = await person.post(PATH, {**wanted, "name": wanted["name"].upper()})

    assert (first.status_code, second.status_code) == (201, 409)
