"""Calls that tests of sign-in and sessions make."""

import httpx

from tests.people import PASSWORD, Person

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"


async def sign_in(
    client: httpx.AsyncClient, who: Person | str, password: str = PASSWORD, **form: str
) -> httpx.Response:
    """Sign in as a person, or by any name; `form` holds further fields, such as `code`."""
    username = who if isinstance(who, str) else who.username
    data = {"username": username, "password": password, **form}
    return await client.post("/auth/token", data=data, headers={"User-Agent": FIREFOX})


async def sign_in_again(client: httpx.AsyncClient, person: Person) -> Person:
    """The same person with another session."""
    pair = (await sign_in(client, person)).json()
    return Person(person.id, person.username, client, pair["access_token"], pair["refresh_token"])


async def refresh(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.post("/auth/token/refresh", json={"refresh_token": token})


async def get_me(client: httpx.AsyncClient, token: str) -> httpx.Response:
    """Use an access token."""
    return await client.get("/auth/me", headers={"Authorization": f"Bearer {token}"})
