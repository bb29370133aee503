"""What an auditor reads of the sealed logs over HTTP, and verifies without this application's database."""

from base64 import b64decode
from hashlib import sha256
from typing import Any

import orjson
import pytest
from fastapi import FastAPI

from app.core.clock import now
from app.core.db.engine import Database
from app.modules.audit.seal.checkpoint import Checkpoint, Cosigner, open_checkpoint
from app.modules.audit.seal.note import Note, VerifierKey
from app.modules.audit.seal.proofs import InvalidProof, verify_consistency, verify_inclusion
from app.modules.audit.sealer.logs import Log
from app.modules.audit.sealer.models import AuditCosignature
from app.modules.audit.sealer.signers import new_seal_key
from tests.modules.audit.entries import access_entries
from tests.modules.audit.sealer.sealed import checkpoints, read_all, run_sql, seal_all, sealer_of
from tests.people import Person, SignedInAs

PAGE = {"limit": 100}


async def sealed_by_requests(app: FastAPI, signed_in_as: SignedInAs, requests: int = 5) -> Person:
    """A superuser, after requests that changed something, with both logs sealed after each."""
    admin = await signed_in_as(superuser=True)
    sealer = sealer_of(app.state.database)
    for number in range(requests):
        await admin.post("/tasks", json={"title": f"task {number}"})
        await access_entries(app)
        for log in Log:
            await seal_all(sealer, log)
    return admin


async def read_checkpoint(admin: Person, path: str) -> tuple[Checkpoint, Note]:
    """A checkpoint, once the keys that the application shows have verified it."""
    log = path.partition("log=")[2].partition("&")[0] or "changes"
    response = await admin.get(path)
    keys = (await admin.get(f"/audit/key?log={log}")).text.splitlines()
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    note = Note.parse(response.content)
    return open_checkpoint(note, map(VerifierKey.parse, keys)), note


def hashes(texts: list[str]) -> list[bytes]:
    return [b64decode(text) for text in texts]


def check_inclusion(proof: dict[str, Any]) -> None:
    """Verify a proof with what it says, as any other program can."""
    checkpoint = Checkpoint.parse(Note.parse(proof["checkpoint"].encode()).text)
    leaf = sha256(b"\0" + proof["entry"].encode()).digest()
    assert checkpoint.size == proof["size"]
    verify_inclusion(proof["seq"] - 1, checkpoint.size, leaf, hashes(proof["path"]), checkpoint.root)


@pytest.mark.parametrize("log", ["changes", "access"])
async def test_every_sealed_entry_is_proved(app: FastAPI, signed_in_as: SignedInAs, log: str) -> None:
    admin = await sealed_by_requests(app, signed_in_as)
    checkpoint, _ = await read_checkpoint(admin, f"/audit/checkpoint?log={log}")
    entries = {entry["seq"]: entry for entry in (await admin.get(f"/audit/{log}", params=PAGE)).json()["items"]}

    for seq in range(1, checkpoint.size + 1):
        proof = (await admin.get(f"/audit/proofs/{log}/{seq}", params={"size": checkpoint.size})).json()
        check_inclusion(proof)
        assert orjson.loads(proof["entry"])["id"] == entries[seq]["id"]
        with pytest.raises(InvalidProof):
            check_inclusion({**proof, "entry": proof["entry"].replace('"format":2', '"format":3')})


async def test_entries_show_their_place_once_they_are_sealed(app: FastAPI, signed_in_as: SignedInAs) -> None:
    admin = await sealed_by_requests(app, signed_in_as)
    size = (await read_checkpoint(admin, "/audit/checkpoint"))[0].size
    task = (await admin.post("/tasks", json={"title": "not yet"})).json()

    newest, *older = (await admin.get("/audit/changes", params=PAGE)).json()["items"]
    history = (await admin.get(f"/tasks/{task['id']}/history")).json()["items"]

    assert newest["seq"] is None
    assert [entry["seq"] for entry in history] == [None]
    assert sorted(entry["seq"] for entry in older if entry["seq"]) == list(range(1, size + 1))


async def test_a_log_is_proved_to_have_only_grown(app: FastAPI, signed_in_as: SignedInAs) -> None:
    admin = await sealed_by_requests(app, signed_in_as)
    newest, _ = await read_checkpoint(admin, "/audit/checkpoint")
    known = {}
    for size in range(newest.size + 1):
        older, _ = await read_checkpoint(admin, f"/audit/checkpoints?size={size}")
        assert older.size >= size
        known[older.size] = older.root

    assert len(known) >= 5
    for size, root in known.items():
        proof = (await admin.get("/audit/consistency/changes", params={"from": size})).json()
        assert (proof["from_size"], proof["to_size"]) == (size, newest.size)
        verify_consistency(size, newest.size, root, newest.root, hashes(proof["path"]))


@pytest.mark.parametrize(
    "path",
    [
        "/audit/proofs/changes/100000",
        "/audit/proofs/changes/1?size=100000",
        "/audit/checkpoints?size=100000",
        "/audit/consistency/changes?from=2&to=1",
        "/audit/consistency/changes?from=1&to=100000",
        "/audit/proofs/neither/1",
        "/audit/checkpoint?log=neither",
        "/audit/proofs/changes/0",
        "/audit/consistency/changes?from=-1",
    ],
)
async def test_what_is_not_sealed_is_not_found(app: FastAPI, signed_in_as: SignedInAs, path: str) -> None:
    admin = await sealed_by_requests(app, signed_in_as, 1)

    response = await admin.get(path)

    is_malformed = any(word in path for word in ("neither", "/0", "-1"))
    assert response.status_code == (422 if is_malformed else 404), response.text


async def test_before_the_first_seal_there_is_no_checkpoint(signed_in_as: SignedInAs) -> None:
    admin = await signed_in_as(superuser=True)

    assert (await admin.get("/audit/checkpoint")).status_code == 404
    assert (await admin.get("/audit/key")).text == ""


async def test_reading_proofs_needs_the_permission(app: FastAPI, signed_in_as: SignedInAs) -> None:
    await sealed_by_requests(app, signed_in_as, 1)
    reader = await signed_in_as("tasks:read")

    for path in ("checkpoint", "checkpoints?size=1", "key", "proofs/changes/1", "consistency/changes?from=1"):
        assert (await reader.get(f"/audit/{path}")).status_code == 403


async def test_cosignatures_are_in_the_note(
    app: FastAPI, database: Database, signed_in_as: SignedInAs, tmp_path: Any
) -> None:
    admin = await sealed_by_requests(app, signed_in_as, 1)
    _, note = await read_checkpoint(admin, "/audit/checkpoint")
    (tmp_path / "witness.pem").write_text(new_seal_key())
    witness = Cosigner.load(tmp_path / "witness.pem", "witness.example.com")
    stored = max(
        await read_all(database, checkpoints.select().where(checkpoints.c.log == "changes")), key=lambda r: r.id
    )
    values = {
        "checkpoint_id": stored.id,
        "witness": str(witness.key),
        "signature": str(witness.sign(note.text)),
        "at": now(),
    }
    await run_sql(database, AuditCosignature.__table__.insert().values(values))  # type: ignore[attr-defined]  # SQLModel's

    _, cosigned = await read_checkpoint(admin, "/audit/checkpoint")

    assert [each.name for each in cosigned.verify([witness.key])] == ["witness.example.com"]
