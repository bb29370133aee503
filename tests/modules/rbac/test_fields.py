"""Who reads and writes which fields, on random policies: the answers of the API against a loop over the tables."""

import random
from typing import Any

from fastapi import FastAPI

from app.core.context import RequestContext
from tests.contract.governed import names_of
from tests.modules.customers import factory as customers
from tests.modules.products import factory as products
from tests.modules.rbac.oracle import holds, read_oracle
from tests.modules.rbac.test_oracle_in_database import invent
from tests.people import Person, SignedInAs

POLICIES = 8
Answers = dict[str, tuple[Any, Any]]
"""What the API answers, and what the tables say, by question."""


def expected(holdings: frozenset[str], *needed: str) -> int:
    """The status for a caller who holds these permissions, for some rows at least."""
    return 200 if all(holds(holdings, permission) for permission in needed) else 403


async def ask(
    person: Person, holdings: frozenset[str], items: dict[str, str], price: str
) -> dict[str, tuple[Any, Any]]:
    """Put the same questions to the API and to what a loop over the tables found."""
    reading, personal = "customers:read", "customers:read-personal"
    changing = ("products:read", "products:update")
    reads_all = bool({"*", reading} & holdings)
    reads_own_only = holds(holdings, reading) and not reads_all
    shows_all = bool({"*", personal} & holdings)
    may_ask = shows_all if reads_all else holds(holdings, reading) and holds(holdings, personal)
    shown = await person.get(f"/customers/{items['customers']}")
    sorted_list = await person.get("/customers", params={"sort": "email"})
    counted = await person.get("/customers", params={"email": "a@example.com", "total": "exact"})
    priced = await person.patch(f"/products/{items['products']}", {"price": price})
    renamed = await person.patch(f"/products/{items['products']}", {"name": f"At {price}"})
    found: Answers = {
        "shown": (shown.status_code, 404 if reads_own_only else expected(holdings, reading)),
        "sorted": (sorted_list.status_code, 200 if may_ask else 403),
        "counted": (counted.status_code, 200 if may_ask else 403),
        "priced": (priced.status_code, expected(holdings, *changing, "products:set-price")),
        "renamed": (renamed.status_code, expected(holdings, *changing)),
    }
    if shown.status_code == 200:
        masked = [] if shows_all else names_of(customers)
        found["masked"] = (shown.json()["masked_fields"], masked)
    return found


async def test_fields_are_read_and_written_as_the_tables_say(
    app: FastAPI, job: RequestContext, signed_in_as: SignedInAs
) -> None:
    root = await signed_in_as(superuser=True)
    made = {factory.SLUG: await root.post(factory.PATH, factory.body()) for factory in (customers, products)}
    items = {slug: answer.json()["id"] for slug, answer in made.items()}
    truths = set()

    for seed in range(POLICIES):
        tokens = await invent(app, job, random.Random(1000 + seed))  # repeatable, not secret
        oracle = await read_oracle(app.state.database, job)
        for number, (user_id, token) in enumerate(tokens.items()):
            holdings = oracle.holdings(user_id)
            if oracle.by_id[user_id].is_active and not oracle.by_id[user_id].deleted_at:
                person = Person(user_id, "", root.client, token, "")
                answers = await ask(person, holdings, items, f"{seed}{number}.5")
                assert {question: told for question, (told, _) in answers.items()} == {
                    question: truth for question, (_, truth) in answers.items()
                }, sorted(holdings)
                truths |= {(question, str(truth)) for question, (_, truth) in answers.items()}

    questions = {question for question, _ in truths}
    assert len(truths) >= 2 * len(questions), "a question with one answer proves nothing"
