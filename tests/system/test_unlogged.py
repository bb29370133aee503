"""The server that the bench compares with has no audit log at all, and nothing else is missing."""

from pathlib import Path

import httpx

from scripts.replay.stored import read_tables
from scripts.servers import Server, migrate, signed_in, superuser


async def test_the_server_without_audit_log_leaves_no_entries(tmp_path: Path) -> None:
    environment = migrate(str(tmp_path))
    with Server(environment, launcher="unlogged") as server:
        credentials = superuser(server)
        before = await read_tables(environment["DATABASE_URL"])
        async with signed_in(server, credentials) as client:
            created = await client.post("/tasks", json={"title": "one"})
        server.terminate()

    after = await read_tables(environment["DATABASE_URL"])
    assert created.status_code == httpx.codes.CREATED
    assert [row["title"] for row in after["task"]] == ["one"]
    for log in ("audit_change", "audit_access"):
        assert len(after[log]) == len(before[log])
