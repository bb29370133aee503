"""Evidence before and after an erasure: both are what was sealed, and none of it tells of the person."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from app.modules.audit.sealer.logs import Log
from app.modules.audit.sealer.signers import load_signers
from tests.modules.audit.evidence.test_evidence import lines_of, unpack, verify
from tests.modules.audit.persons import CUSTOMER_WORDS, USER_WORDS, erase, left, plant_customer, plant_user
from tests.modules.audit.sealer.sealed import seal_all, sealer_of
from tests.people import Person, SignedInAs

QUESTIONS = (
    "/customers?q=Canaria",
    "/customers?email=canaria.customer@example.com",
    "/users?q=canarius",
    "/users?email=canarius@example.com",
    "/users?username=canarius.person",
    "/tasks?assignee=canarius.person",
    "/tasks?assignee_not=canarius.person",
    "/tasks/summary?by=status&assignee=canarius.person",
    "/api-keys?name=canarius+key",
    "/rbac/explain?username=canarius.person&permission=tasks:read",
    "/auth/logins?ip=203.0.113.77",
    "/audit/access?ip=203.0.113.77",
)
"""What an administrator asks about persons; each question has an access entry of its own."""


@pytest.fixture
async def elsewhere(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client with an address of its own."""
    transport = httpx.ASGITransport(app=app, client=("203.0.113.77", 1234), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test/api/v1") as client:
        yield client


async def take_evidence(app: FastAPI, admin: Person, folder: Path) -> dict[Log, Path]:
    """Seal both logs, and unpack the evidence of all entries."""
    await app.state.access_log.flush()
    for log in Log:
        await seal_all(sealer_of(app.state.database), log)
    return {log: await unpack(admin, log.value, folder / log.value) for log in Log}


def check(app: FastAPI, folders: dict[Log, Path]) -> None:
    """Check that the packaged script confirms each folder, with keys from elsewhere."""
    for log, folder in folders.items():
        trusted = folder.with_suffix(".keys")
        trusted.write_text(f"{load_signers(app.state.settings)[log][0].key}\n")
        code, printed = verify(folder, "--key", str(trusted))
        assert code == 0, printed


def read_files(folders: dict[Log, Path]) -> str:
    """All that is in the folders."""
    return "".join(file.read_text() for folder in folders.values() for file in folder.iterdir()).lower()


async def test_evidence_after_an_erasure_tells_nothing_of_the_person(
    app: FastAPI, signed_in_as: SignedInAs, elsewhere: httpx.AsyncClient, tmp_path: Path
) -> None:
    admin = await signed_in_as(superuser=True)
    customer, user = await plant_customer(admin), await plant_user(admin, elsewhere)
    for question in QUESTIONS:
        assert (await admin.get(question)).status_code == 200, question
    before = await take_evidence(app, admin, tmp_path / "before")

    for path in (f"/customers/{customer}", f"/users/{user.id}"):
        erased = await erase(admin, path)
        assert erased.status_code == 200, erased.text
    after = await take_evidence(app, admin, tmp_path / "after")

    check(app, before)
    check(app, after)
    for log in Log:
        earlier, later = (lines_of(folders[log], "entries.ndjson") for folders in (before, after))
        assert later[: len(earlier)] == earlier
        assert len(later) > len(earlier)
    assert left([*CUSTOMER_WORDS, *USER_WORDS], read_files(after)) == []
    destroyed = [json.loads(line["entry"]) for line in lines_of(after[Log.changes], "entries.ndjson")]
    assert {each["entity"] for each in destroyed if each["action"] == "delete"} >= {"audit_subject_key"}
