"""Evidence is verified by one script, which imports nothing of the application, and what is altered is found."""

import asyncio
import base64
import hashlib
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from app.core.clock import now
from app.core.config import LimitSettings, Settings
from app.core.db.pagination import PageQuery, RowPage
from app.modules.audit import service
from app.modules.audit.evidence.bundle import parts_without
from app.modules.audit.requests.repository import AccessRepository
from app.modules.audit.seal.note import Signer
from app.modules.audit.sealer.logs import Log
from app.modules.audit.sealer.signers import load_signers, new_seal_key
from tests.fixtures.application import client_of, started
from tests.modules.audit.entries import access_entries
from tests.modules.audit.seal.logs import new_cosigner
from tests.modules.audit.sealer.sealed import checkpoints, read_all, run_sql, seal_all, sealer_of
from tests.modules.audit.verifier.forgeries import cosignatures
from tests.people import Person, SignedInAs, person
from tests.roles import close_opened

SCRIPT = Path("verify_audit.py")


async def sealed_tasks(app: FastAPI, signed_in_as: SignedInAs, count: int = 12) -> Person:
    """A superuser who has made tasks, with both logs sealed."""
    admin = await signed_in_as(superuser=True)
    for number in range(count):
        await admin.post("/tasks", json={"title": f"task {number}"})
    await access_entries(app)
    for log in Log:
        await seal_all(sealer_of(app.state.database), log)
    return admin


async def unpack(admin: Person, path: str, folder: Path) -> Path:
    response = await admin.get(f"/audit/evidence/{path}")
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/zip"
    zipfile.ZipFile(io.BytesIO(response.content)).extractall(folder)
    return folder


def verify(folder: Path, *options: str) -> tuple[int, str]:
    """The exit code and the output of the script, in a process that finds no module of ours."""
    command = [sys.executable, "-I", str(folder / SCRIPT), *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def lines_of(folder: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


def write_lines(folder: Path, name: str, lines: list[dict[str, Any]]) -> None:
    (folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.mark.parametrize(
    ("path", "least"),
    [
        ("changes", 12),
        ("changes?entity=task", 12),
        ("changes?field=nothing", 0),
        ("access", 12),
        ("access?method=POST", 12),
    ],
)
async def test_evidence_is_verified_elsewhere(
    app: FastAPI, signed_in_as: SignedInAs, tmp_path: Path, path: str, least: int
) -> None:
    admin = await sealed_tasks(app, signed_in_as)
    folder = await unpack(admin, path, tmp_path)
    log = Log(path.partition("?")[0])
    trusted = tmp_path / "trusted.txt"
    trusted.write_text(f"{load_signers(app.state.settings)[log][0].key}\n")

    code, printed = verify(folder)
    assert code == 0, printed
    assert verify(folder, "--key", str(trusted))[0] == 0

    manifest = json.loads((folder / "manifest.json").read_text())
    entries = lines_of(folder, "entries.ndjson")
    assert manifest["count"] == len(entries) >= least
    assert [entry["seq"] for entry in entries] == sorted({entry["seq"] for entry in entries})
    documents = [json.loads(entry["entry"]) for entry in entries]
    if log is Log.changes:
        versions = {document["redaction_version"] for document in documents}
        assert json.loads((folder / "redactions.json").read_text()).keys() == versions
    if "entity" in path:
        assert {document["entity"] for document in documents} == {"task"}


async def test_the_manifest_says_by_what_entries_were_chosen(
    app: FastAPI, signed_in_as: SignedInAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: it named the cursor of the last page among the filters, and no period in which these looked."""
    monkeypatch.setattr("app.modules.audit.service.EVIDENCE_PAGE", 5)
    admin = await sealed_tasks(app, signed_in_as)

    for query, filters in (("", {}), ("?entity=task&action=create", {"entity": "task", "action": "create"})):
        response = await admin.get(f"/audit/evidence/changes{query}")
        manifest = json.loads(zipfile.ZipFile(io.BytesIO(response.content)).read("manifest.json"))

        assert manifest["count"] >= 12
        assert manifest["filters"] == filters
        assert manifest["window"] == response.headers.get("audit-window")
        assert (manifest["window"] is None, manifest["archived"]) == (not filters, None)


def alter_entry(folder: Path) -> None:
    lines = lines_of(folder, "entries.ndjson")
    lines[3]["entry"] = lines[3]["entry"].replace('"format":2', '"format":3')
    write_lines(folder, "entries.ndjson", lines)


def remove_entry(folder: Path) -> None:
    write_lines(folder, "entries.ndjson", lines_of(folder, "entries.ndjson")[1:])


def move_entry(folder: Path) -> None:
    lines = lines_of(folder, "entries.ndjson")
    lines[1]["entry"], lines[2]["entry"] = lines[2]["entry"], lines[1]["entry"]
    write_lines(folder, "entries.ndjson", lines)


def repeat_entry(folder: Path) -> None:
    lines = lines_of(folder, "entries.ndjson")
    write_lines(folder, "entries.ndjson", [lines[0], *lines])


def hide_entry_behind_a_node(folder: Path) -> None:
    """Its own hash stands for it, so that its bytes would not count."""
    lines = lines_of(folder, "entries.ndjson")
    at = lines[4]["seq"] - 1
    leaf = hashlib.sha256(b"\0" + lines[4]["entry"].encode()).digest()
    node = {"begin": at, "end": at + 1, "hash": base64.b64encode(leaf).decode()}
    write_lines(folder, "nodes.ndjson", [*lines_of(folder, "nodes.ndjson"), node])
    lines[4]["entry"] = lines[4]["entry"].replace('"format":2', '"format":3')
    write_lines(folder, "entries.ndjson", lines)


def alter_size(folder: Path) -> None:
    origin, size, rest = (folder / "checkpoint.txt").read_text().split("\n", 2)
    (folder / "checkpoint.txt").write_text(f"{origin}\n{int(size) - 1}\n{rest}")


def alter_redactions(folder: Path) -> None:
    """So that a value seems to have been encrypted, or not to be a secret."""
    path = folder / "redactions.json"
    path.write_text(path.read_text().replace('["plain",null]', '["secret",null]', 1))


def sign_by_another_key(folder: Path) -> None:
    """As whoever makes a folder can: what shows it is a key that was got elsewhere."""
    text = (folder / "checkpoint.txt").read_text().partition("\n\n")[0] + "\n"
    origin = text.partition("\n")[0]
    (folder / "other.pem").write_text(new_seal_key())
    signer = Signer.load(folder / "other.pem", origin)
    (folder / "checkpoint.txt").write_text(f"{text}\n{signer.sign(text)}\n")
    (folder / "keys.txt").write_text(f"{signer.key}\n")


@pytest.mark.parametrize(
    "alter",
    [
        alter_entry,
        remove_entry,
        move_entry,
        repeat_entry,
        hide_entry_behind_a_node,
        alter_size,
        alter_redactions,
        sign_by_another_key,
    ],
    ids=lambda alter: alter.__name__,
)
async def test_altered_evidence_is_found(
    app: FastAPI, signed_in_as: SignedInAs, tmp_path: Path, alter: Callable[[Path], None]
) -> None:
    admin = await sealed_tasks(app, signed_in_as)
    folder = await unpack(admin, "changes?entity=task", tmp_path)
    (folder / "trusted.txt").write_text((folder / "keys.txt").read_text())

    alter(folder)

    code, printed = verify(folder, "--key", "trusted.txt")
    assert code == 1, printed
    assert printed.startswith("Forged: ")


async def test_damaged_evidence_cannot_be_told(app: FastAPI, signed_in_as: SignedInAs, tmp_path: Path) -> None:
    admin = await sealed_tasks(app, signed_in_as, 1)
    folder = await unpack(admin, "changes", tmp_path)
    (folder / "entries.ndjson").unlink()

    code, printed = verify(folder)

    assert code == 2, printed


async def test_the_confirmation_of_a_witness_is_verified(
    app: FastAPI, signed_in_as: SignedInAs, tmp_path: Path
) -> None:
    admin = await sealed_tasks(app, signed_in_as, 1)
    database, witness = app.state.database, new_cosigner()
    stored = await read_all(database, checkpoints.select().where(checkpoints.c.log == "changes"))
    newest = max(stored, key=lambda row: row.id)
    text = newest.note.partition("\n\n")[0] + "\n"
    line = str(witness.sign(text))
    values = {"checkpoint_id": newest.id, "witness": str(witness.key), "signature": line, "at": now()}
    await run_sql(database, cosignatures.insert().values(values))
    folder = await unpack(admin, "changes", tmp_path)

    code, printed = verify(folder)
    assert code == 0, printed
    assert f"The witness {witness.key.name} has confirmed this log" in printed

    note = (folder / "checkpoint.txt").read_text()
    name, encoded = line.split(" ")[1:]
    raw = bytearray(base64.b64decode(encoded))
    raw[-1] ^= 1
    (folder / "checkpoint.txt").write_text(note.replace(encoded, base64.b64encode(raw).decode()))
    assert verify(folder) == (1, f"Forged: the cosignature of {name} is wrong.\n")


async def test_evidence_holds_what_the_caller_may_read(app: FastAPI, signed_in_as: SignedInAs, tmp_path: Path) -> None:
    await sealed_tasks(app, signed_in_as, 2)
    reader = await signed_in_as("tasks:read")
    assert (await reader.get("/audit/evidence/changes")).status_code == 403

    auditor = await signed_in_as("tasks:read", "tasks:audit")
    folder = await unpack(auditor, "changes", tmp_path)
    assert {json.loads(entry["entry"])["entity"] for entry in lines_of(folder, "entries.ndjson")} == {"task"}
    assert verify(folder)[0] == 0


async def test_before_the_first_seal_there_is_no_evidence(signed_in_as: SignedInAs) -> None:
    admin = await signed_in_as(superuser=True)

    assert (await admin.get("/audit/evidence/changes")).status_code == 404


def test_the_parts_around_entries_are_those_of_the_tree() -> None:
    for size in range(1, 34):
        for leaves in ([], [0], [size - 1], list(range(0, size, 3))):
            parts = list(parts_without(leaves, 0, size))
            covered = sorted([*leaves, *(leaf for begin, end in parts for leaf in range(begin, end))])
            assert covered == list(range(size))


async def test_the_time_limit_of_requests_is_one_of_each_page(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: evidence of many entries, or of few among many, ended in 504."""

    class Slow(AccessRepository):
        async def page(self, query: PageQuery) -> RowPage:
            await asyncio.sleep(0.15)
            return await super().page(query)

    monkeypatch.setattr(service, "AccessRepository", Slow)
    monkeypatch.setattr(service, "EVIDENCE_PAGE", 1)
    limited = settings.model_copy(update={"limits": LimitSettings(request_seconds=1)})
    async with started(limited) as app, client_of(app) as client:
        auditor = await person(app, client, ("audit:read",))
        for _ in range(10):
            await auditor.get("/auth/me")
        await access_entries(app)
        await seal_all(sealer_of(app.state.database), Log.access)

        assert (await auditor.get("/audit/evidence/access", params={"route": "/api/v1/auth/me"})).status_code == 200
        await close_opened()
