"""A stream of changes that go into an archive while it is read."""

from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from app.core.db.engine import Database
from app.modules.audit.feed import router
from app.modules.audit.feed.service import FeedService
from tests.modules.audit.archive.months import archive_into, fill_months, manifests_of
from tests.modules.audit.sealer.followers import OpenRequest
from tests.modules.audit.sealer.sealed import sealed_ids
from tests.people import SignedInAs

STREAM = "/audit/feed/stream"


async def test_a_stream_ends_at_what_was_archived_since_it_began(
    app: FastAPI, database: Database, signed_in_as: SignedInAs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: it passed them, and nothing told the reader."""
    follower, folder, begin = await signed_in_as("audit:read"), tmp_path / "a", FeedService.begin

    async def begin_and_archive(feed: FeedService, *place: int) -> Any:
        page = await begin(feed, *place)
        if not folder.exists():
            await archive_into(folder, database)
        return page

    monkeypatch.setattr(FeedService, "begin", begin_and_archive)
    monkeypatch.setattr(router, "STREAMED", 5)
    await fill_months(database)
    size, places = len(await sealed_ids(database)), []

    async with OpenRequest(app, follower, STREAM) as stream:
        assert b"audit-archived" not in dict((await stream.head())["headers"])
        if database.settings.is_sqlite:
            assert [entry["seq"] for entry in await stream.events(size)] == list(range(1, size + 1))
            return
        while (part := await stream.part()) is not None and not part.startswith(":"):
            places.append(int(part.rpartition("id: ")[2]))

    assert places == list(range(1, len(places) + 1))
    assert part is None
    assert len(places) < manifests_of(folder)[2].first_seq
    async with OpenRequest(app, follower, STREAM, {"last-event-id": str(len(places))}) as stream:
        assert dict((await stream.head())["headers"])[b"audit-archived"] == b"2025-11, 2025-12"
