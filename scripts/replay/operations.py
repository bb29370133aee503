"""All kinds of operations, and how often each is chosen."""

import asyncio
from collections.abc import Awaitable, Callable

from scripts.replay import items, people, refused
from scripts.replay.client import Client

Operation = Callable[[Client], Awaitable[None]]

WEIGHTS: dict[Operation, int] = {
    items.create: 20,
    items.update: 20,
    items.delete_or_restore: 12,
    items.revert: 6,
    items.repeat: 6,
    items.change_in_bulk: 6,
    items.import_file: 5,
    items.move_stock: 5,
    items.read: 6,
    items.export: 2,
    items.vanish: 5,
    people.create_user: 3,
    people.update_user: 4,
    people.administer_user: 4,
    people.sign_in: 6,
    people.sign_in_unknown: 1,
    people.refresh: 4,
    people.use_old_token: 2,
    people.sign_out: 1,
    people.change_password: 2,
    people.change_profile: 2,
    people.act_as_person: 6,
    people.create_role: 3,
    people.change_role: 4,
    people.change_grants: 4,
    people.assign_roles: 4,
    people.change_holders: 2,
    people.change_modules: 1,
    people.create_key: 3,
    people.revoke_key: 1,
    people.enrol: 2,
    people.use_factor: 2,
    people.end_sessions: 1,
    refused.call_without_credentials: 2,
    refused.send_invalid_fields: 2,
    refused.send_malformed_body: 1,
    refused.call_nothing: 2,
    refused.create_twice: 2,
    refused.be_late: 2,
}


async def operate(clients: list[Client], requests: int) -> None:
    """Let all clients operate at the same time, until so many requests were sent."""
    for operation in WEIGHTS:  # of each kind one at least
        await operation(clients[0])

    async def work(client: Client) -> None:
        while len(client.journal.exchanges) < requests:
            (operation,) = client.world.chance.choices(list(WEIGHTS), list(WEIGHTS.values()))
            await operation(client)

    await asyncio.gather(*map(work, clients))
