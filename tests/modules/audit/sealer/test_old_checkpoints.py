"""Old checkpoints are removed, but for some; the log stays provable from its beginning."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.core.clock import now
from app.core.db.engine import Database
from app.modules.audit.sealer import sealer as sealer_module
from app.modules.audit.sealer.models import AuditCosignature
from app.modules.audit.sealer.pruning import old_checkpoints
from app.modules.audit.sealer.sealer import Sealer
from app.modules.audit.sealer.signers import load_signers, new_seal_key
from app.modules.audit.verifier.command import verify_logs
from app.modules.audit.verifier.findings import Verdict
from tests.core.db.pruning import prune
from tests.modules.audit.sealer.sealed import add_changes, checkpoints, read_all, run_sql, seal_all, sealer_of
from tests.modules.audit.verifier.forgeries import cosignatures
from tests.roles import open_as

AGE = timedelta(days=90)


async def kept_ids(database: Database) -> list[int]:
    return [row.id for row in await read_all(database, select(checkpoints.c.id).order_by(checkpoints.c.id))]


async def seal_some(database: Database, sealer: Sealer, ticks: int = 4) -> list[int]:
    """The checkpoints of some ticks."""
    before = await kept_ids(database)
    for _ in range(ticks):
        await add_changes(database, 2)
        await seal_all(sealer)
    return [number for number in await kept_ids(database) if number not in before]


async def test_old_checkpoints_are_removed_and_the_rest_is_proved(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = database.settings
    with monkeypatch.context() as patch:
        patch.setattr(sealer_module, "now", lambda: now() - AGE - timedelta(days=1))
        first = await seal_some(database, sealer_of(database))
        new = settings.state_dir / "new.pem"
        new.write_text(new_seal_key())
        files = (new, settings.state_dir / "keys" / "seal_key.pem")
        audit = settings.audit.model_copy(update={"seal_key_files": files})
        renewed = Sealer(open_as(database, "sealer"), load_signers(settings.model_copy(update={"audit": audit})))
        second = await seal_some(database, renewed)
    young = await seal_some(database, renewed)

    await prune(database, [old_checkpoints(AGE)])

    assert await kept_ids(database) == [second[0], *young]
    assert len(first) == 4
    reports, _ = await verify_logs(database, [], [], 1)
    assert reports[0].verdict is Verdict.intact, reports[0].lines()
    assert reports[0].verified == reports[0].size


async def test_one_of_a_thousand_is_kept_and_what_was_cosigned_lately(database: Database) -> None:
    old = {"log": "changes", "size": 0, "at": now() - AGE - timedelta(days=1), "note": "x"}
    values = {"witness": "w", "signature": "s"}
    await run_sql(
        database,
        checkpoints.insert().values([{**old, "id": number} for number in (998, 999, 1000, 1001, 1002)]),
        cosignatures.insert().values({**values, "checkpoint_id": 999, "at": old["at"]}),
        cosignatures.insert().values({**values, "checkpoint_id": 1001, "at": now()}),
    )

    await prune(database, [old_checkpoints(AGE)])

    assert await kept_ids(database) == [1000, 1001]
    left = await read_all(database, select(AuditCosignature.checkpoint_id))  # type: ignore[call-overload]  # SQLModel's
    assert [row.checkpoint_id for row in left] == [1001]
