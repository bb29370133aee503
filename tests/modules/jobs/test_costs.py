"""What asking for a job costs: its row with its entry, as of any item, and the row of the queue."""

import pytest

from app.core.db.engine import Database
from app.core.jobs import enqueue
from app.modules.brands.schemas import BrandCreate
from app.modules.brands.service import BrandService
from tests.modules.jobs.kinds import Wanted, context_of, make_brand
from tests.people import SignedInAs
from tests.round_trips import count_on_new_connections, round_trips_of_block

WARM = 3


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections are counted from the first on."""
    count_on_new_connections(monkeypatch)


@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_asking_costs_one_statement_more_than_an_item(database: Database, signed_in_as: SignedInAs) -> None:
    context = context_of((await signed_in_as("brands:create")).id, "brands:create", "brands:read")

    async def make(name: str) -> None:
        async with database.unit_of_work(context) as session:
            await BrandService(session).create(BrandCreate(name=name))

    async def ask(name: str) -> None:
        async with database.unit_of_work(context) as session:
            await enqueue(session, make_brand, Wanted(name=f"{name} by a job"))

    found = {}
    for write in (make, ask):
        for number in range(WARM):
            await write(f"warm {number}")
        with round_trips_of_block() as trips:
            await write("measured")
        found[write.__name__] = [trip for trip in trips if not trip.startswith("query:")]  # BEGIN and COMMIT

    assert len(found["make"]) == 1, found["make"]
    assert len(found["ask"]) == 2, found["ask"]
