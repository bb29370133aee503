"""Every forgery of a sealed log is found, and named with its place; what is no forgery is quiet."""

import pytest
from sqlalchemy import delete, select, update

from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.modules.audit.models import AuditCaller, AuditSubjectKey
from app.modules.audit.seal.note import Note, Signer, VerifierKey
from app.modules.audit.sealer.logs import Log
from app.modules.audit.sealer.sealer import Sealer
from app.modules.audit.sealer.signers import load_signers, new_seal_key
from app.modules.audit.verifier.command import verify_logs
from app.modules.audit.verifier.findings import LogReport, Verdict
from tests.modules.audit.sealer.sealed import (
    access_values,
    add_changes,
    change_values,
    newest_checkpoint,
    past_the_application,
    read_all,
    run_sql,
    runs,
    seal_all,
    sealed_ids,
    sealer_of,
)
from tests.modules.audit.verifier import forgeries
from tests.modules.audit.verifier.forgeries import FORGERIES, Scene, changes, drop_triggers, seals, tiles
from tests.roles import open_as

SIZE, TICK = 40, 5


@pytest.fixture
async def scene(database: Database) -> Scene:
    """Forty changes, sealed five at a time, in a database whose triggers are gone."""
    sealer = sealer_of(database, batch=TICK)
    before = len(await read_all(database, select(Log.changes.table.c.id)))
    assert before <= SIZE - TICK
    if before % TICK:  # the modules of the application
        await add_changes(database, -before % TICK)
    for log in Log:
        await seal_all(sealer, log)
    while len(await sealed_ids(database)) < SIZE:
        await add_changes(database, TICK)
        await seal_all(sealer)
    path = database.settings.state_dir / "other.pem"
    path.write_text(new_seal_key())
    signer = load_signers(database.settings)[Log.changes][0]
    await drop_triggers(database)
    return Scene(database, signer, Signer.load(path, signer.key.name), await sealed_ids(database))


async def verify(scene: Scene, *notes: Note, keys: list[VerifierKey] | None = None) -> tuple[LogReport, LogReport]:
    """The reports of both logs, by the real keys."""
    real = [signer.key for signers in load_signers(scene.database.settings).values() for signer in signers]
    reports, _ = await verify_logs(scene.database, notes, real if keys is None else keys, 1)
    return reports[0], reports[1]


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_forgery_is_found_at_its_place(scene: Scene, name: str) -> None:
    forge, kind, seq = FORGERIES[name]
    await forge(scene)

    report, access = await verify(scene)

    assert report.verdict is Verdict.forged
    assert (kind, seq) in {(finding.kind, finding.seq) for finding in report.findings}, report.lines()
    assert access.verdict is Verdict.intact, access.lines()
    for report in await verify(scene, keys=[]):  # the key of the first checkpoint is trusted, and those it introduced
        assert (report.verdict is Verdict.forged) == (report.log == "changes")


def test_there_are_enough_forgeries() -> None:
    assert len(FORGERIES) >= 30


async def test_an_untouched_log_is_quiet(scene: Scene) -> None:
    for report in await verify(scene):
        assert report.verdict is Verdict.intact, report.lines()
        assert report.verified == report.size
    assert report.checkpoints > 0


async def test_what_is_not_sealed_yet_is_no_forgery(scene: Scene) -> None:
    async with past_the_application(scene.database) as slow:
        if not scene.database.settings.is_sqlite:
            await slow.execute(changes.insert().values(change_values()))
        await add_changes(scene.database, 3)
        if not scene.database.settings.is_sqlite:
            await seal_all(sealer_of(scene.database))
        await slow.commit()
    await add_changes(scene.database, 3)

    report, _ = await verify(scene)

    assert report.verdict is Verdict.intact, report.lines()
    assert report.behind >= 4


async def test_an_erased_person_is_no_forgery(scene: Scene) -> None:
    await run_sql(scene.database, delete(table_of(AuditCaller)), delete(table_of(AuditSubjectKey)))

    report, access = await verify(scene)

    assert (report.verdict, access.verdict) == (Verdict.intact, Verdict.intact)


async def test_a_renewed_key_is_no_forgery(scene: Scene) -> None:
    settings = scene.database.settings
    files = (settings.state_dir / "other.pem", settings.state_dir / "keys" / "seal_key.pem")
    audit = settings.audit.model_copy(update={"seal_key_files": files})
    sealer = Sealer(open_as(scene.database, "sealer"), load_signers(settings.model_copy(update={"audit": audit})))
    for _ in range(2):
        await add_changes(scene.database, 3)
        await seal_all(sealer)

    report, _ = await verify(scene, keys=[])
    assert report.verdict is Verdict.intact, report.lines()
    report, _ = await verify(scene, keys=[scene.signer.key])
    assert "checkpoint" in {finding.kind for finding in report.findings}  # whoever knows the old key only


async def test_a_restored_database_is_no_forgery(scene: Scene) -> None:
    if scene.database.settings.is_sqlite:
        pytest.skip("a copy of SQLite is the same database")
    await run_sql(scene.database, update(seals).values(cluster="of another system"))
    for _ in range(3):
        await add_changes(scene.database, 3)
        for log in Log:
            await seal_all(sealer_of(scene.database), log)

    report, access = await verify(scene)

    assert (report.verdict, access.verdict) == (Verdict.intact, Verdict.intact), report.lines()


async def cut(scene: Scene, size: int) -> None:
    """Remove everything behind a size, as if it had never been."""
    mine = runs.c.log == "changes"
    table = forgeries.checkpoints
    await scene.sql(
        delete(changes).where(changes.c.id.in_(scene.ids[size:])),
        delete(runs).where(mine, runs.c.first_seq > size),
        delete(tiles).where(tiles.c.log == "changes"),
        delete(table).where(table.c.log == "changes", table.c.size > size),
        delete(seals).where(seals.c.log == "changes"),
    )


async def rewrite(scene: Scene) -> None:
    """Rewrite the log from its beginning with the real key: with other entries, and a seal over them."""
    table = forgeries.checkpoints
    await scene.sql(update(changes).where(changes.c.id == scene.ids[2]).values(entity_id="another"))
    await scene.sql(
        delete(runs).where(runs.c.log == "changes"),
        delete(tiles).where(tiles.c.log == "changes"),
        delete(table).where(table.c.log == "changes"),
        delete(seals).where(seals.c.log == "changes"),
    )
    await seal_all(sealer_of(scene.database))


async def test_only_a_checkpoint_kept_elsewhere_shows_that_the_end_was_cut_off(scene: Scene) -> None:
    """The docs say so: whoever owns the database and the key can do it, and nothing that is left tells."""
    _, kept = await newest_checkpoint(scene.database)
    await cut(scene, SIZE - TICK)
    await scene.sql(delete(runs).where(runs.c.log == "changes"))
    await scene.sql(delete(forgeries.checkpoints).where(forgeries.checkpoints.c.log == "changes"))
    await seal_all(sealer_of(scene.database))

    alone, _ = await verify(scene)
    compared, _ = await verify(scene, kept)

    assert alone.verdict is Verdict.intact, alone.lines()
    assert [(finding.kind, finding.seq) for finding in compared.findings] == [("cut", SIZE - TICK + 1)]


async def test_only_a_checkpoint_kept_elsewhere_shows_a_log_rewritten_with_the_real_key(scene: Scene) -> None:
    _, kept = await newest_checkpoint(scene.database)
    await rewrite(scene)

    alone, _ = await verify(scene)
    compared, _ = await verify(scene, kept)

    assert alone.verdict is Verdict.intact, alone.lines()
    assert [finding.kind for finding in compared.findings] == ["root"]


async def test_a_given_checkpoint_must_be_signed(scene: Scene) -> None:
    """Else a checkpoint that was made up would make a log look cut."""
    made_up = await forgeries.signed_by(scene, scene.other, SIZE + 5, bytes(32))

    report, _ = await verify(scene, made_up)

    assert report.verdict is Verdict.unknown
    assert report.obstacles


@pytest.mark.parametrize("first", [2, 16, 17, 36, 41, 1000])
async def test_a_part_is_verified(scene: Scene, first: int) -> None:
    reports, _ = await verify_logs(scene.database, [], [], first)
    assert reports[0].verdict is Verdict.intact, reports[0].lines()
    assert reports[0].verified == max(0, SIZE + 1 - first)

    await FORGERIES["the_last_entry_is_removed"][0](scene)
    reports, _ = await verify_logs(scene.database, [], [], first)
    assert (reports[0].verdict is Verdict.forged) == (first <= SIZE)


async def test_access_entries_are_verified_too(scene: Scene) -> None:
    table = Log.access.table
    await run_sql(scene.database, table.insert().values([access_values() for _ in range(4)]))
    await seal_all(sealer_of(scene.database), Log.access)
    last = (await read_all(scene.database, select(table.c.id).order_by(table.c.id.desc())))[0].id
    await run_sql(scene.database, update(table).where(table.c.id == last).values(status=404))

    _, access = await verify(scene)

    assert [str(finding) for finding in access.findings] == [f"seq 4: access entry {last} is not what was sealed"]
