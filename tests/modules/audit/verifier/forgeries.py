"""Ways to forge a sealed log for whoever may write to its database, and what each of them must be found as."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Executable, Table, delete, func, insert, select, text, update

from app.core.clock import now
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.modules.audit.entries.canonical import encode
from app.modules.audit.models import AuditRedaction
from app.modules.audit.seal.checkpoint import Checkpoint
from app.modules.audit.seal.note import Note, Signer, sign_note
from app.modules.audit.seal.tree import leaf_hash
from app.modules.audit.sealer.logs import Log
from app.modules.audit.sealer.models import AuditCheckpoint, AuditCosignature, AuditSeal, AuditSealKey, AuditTile
from tests.modules.audit.sealer.sealed import change_values, read_all, run_sql, runs

changes = Log.changes.table
seals, tiles = table_of(AuditSeal), table_of(AuditTile)
checkpoints, seal_keys, cosignatures = table_of(AuditCheckpoint), table_of(AuditSealKey), table_of(AuditCosignature)
redactions = table_of(AuditRedaction)
ADDED_TO = (Log.changes.table, Log.access.table, runs, checkpoints, seal_keys, cosignatures, redactions)


@dataclass
class Scene:
    """A sealed log of changes, and what the attacker has."""

    database: Database
    signer: Signer
    """The real key of the log; only some forgeries use it."""
    other: Signer
    """A key of the attacker, of the same name."""
    ids: list[int]
    """The numbers of the entries, by their order."""

    async def sql(self, *statements: Executable) -> None:
        await run_sql(self.database, *statements)

    async def row(self, table: Table, *conditions: Any) -> Any:
        return (await read_all(self.database, select(table).where(*conditions)))[0]

    def at(self, seq: int) -> Any:
        """The condition for the entry at a place."""
        return changes.c.id == self.ids[seq - 1]


Forge = Callable[[Scene], Awaitable[None]]
FORGERIES: dict[str, tuple[Forge, str, int | None]] = {}
"""By name: what forges, the kind of the finding, and its place."""


def forgery(kind: str, seq: int | None = None) -> Callable[[Forge], Forge]:
    """Add a function to FORGERIES."""

    def add(function: Forge) -> Forge:
        FORGERIES[function.__name__] = (function, kind, seq)
        return function

    return add


async def drop_triggers(database: Database) -> None:
    """Do what the owner of a database can do before it writes where nobody may."""
    for table in ADDED_TO:
        if database.settings.is_sqlite:
            drops = [text(f"DROP TRIGGER {table.name}_no_{verb}") for verb in ("update", "delete")]
        else:
            drops = [text(f"DROP FUNCTION {table.name}_append_only() CASCADE")]
        await run_sql(database, *drops)


@forgery("entry", 7)
async def a_value_is_changed(scene: Scene) -> None:
    await scene.sql(update(changes).where(scene.at(7)).values(changes={"title": {"old": "a", "new": "c"}}))


@forgery("entry", 3)
async def the_actor_is_changed(scene: Scene) -> None:
    await scene.sql(update(changes).where(scene.at(3)).values(actor_kind="user"))


@forgery("entry", 4)
async def the_time_is_changed(scene: Scene) -> None:
    await scene.sql(update(changes).where(scene.at(4)).values(at=now()))


@forgery("entry", 5)
async def the_time_of_storing_is_changed(scene: Scene) -> None:
    await scene.sql(update(changes).where(scene.at(5)).values(stored_at=now()))


@forgery("entry", 6)
async def a_reason_is_added(scene: Scene) -> None:
    await scene.sql(update(changes).where(scene.at(6)).values(reason="as agreed"))


@forgery("entry", 8)
async def the_item_is_changed(scene: Scene) -> None:
    await scene.sql(update(changes).where(scene.at(8)).values(entity_id="another"))


@forgery("entry", 9)
async def the_format_is_changed(scene: Scene) -> None:
    await scene.sql(update(changes).where(scene.at(9)).values(format=1))


@forgery("entry", 10)
async def the_caller_is_taken_away(scene: Scene) -> None:
    await scene.sql(update(changes).where(scene.at(10)).values(caller_id=None, call_id=None, request_id="x"))


@forgery("missing", 11)
async def an_entry_is_removed(scene: Scene) -> None:
    await scene.sql(delete(changes).where(scene.at(11)))


@forgery("missing", 40)
async def the_last_entry_is_removed(scene: Scene) -> None:
    await scene.sql(delete(changes).where(scene.at(40)))


@forgery("missing", 12)
async def an_entry_gets_another_number(scene: Scene) -> None:
    await scene.sql(update(changes).where(scene.at(12)).values(id=100_000))


@forgery("entry", 13)
async def two_entries_change_places(scene: Scene) -> None:
    first, second = scene.ids[12], scene.ids[13]
    for old, new in ((first, -1), (second, first), (-1, second)):
        await scene.sql(update(changes).where(changes.c.id == old).values(id=new))


@forgery("unsealed")
async def an_entry_is_inserted_with_an_old_transaction(scene: Scene) -> None:
    old = await scene.row(changes, scene.at(14))
    free = scene.ids[-1] + 1 if not scene.database.settings.is_sqlite else 0
    await scene.sql(insert(changes).values(change_values(id=free, xid=old.xid)))


@forgery("unsealed")
async def an_entry_is_inserted_without_a_transaction(scene: Scene) -> None:
    await scene.sql(insert(changes).values(change_values(id=0, xid=None)))


@forgery("order", 15)
async def the_order_loses_a_run(scene: Scene) -> None:
    run = await scene.row(runs, runs.c.log == "changes", runs.c.first_seq <= 15, runs.c.first_seq + runs.c.length > 15)
    rest = {"log": "changes", "first_seq": run.first_seq, "first_id": run.first_id, "length": 15 - run.first_seq}
    await scene.sql(delete(runs).where(runs.c.log == "changes", runs.c.first_seq == run.first_seq))
    if rest["length"]:
        await scene.sql(insert(runs).values(rest))


@forgery("order", 36)
async def the_order_loses_its_end(scene: Scene) -> None:
    await scene.sql(delete(runs).where(runs.c.log == "changes", runs.c.first_seq == 36))


@forgery("order", 41)
async def an_entry_gets_a_place_behind_the_seal(scene: Scene) -> None:
    await scene.sql(
        insert(changes).values(change_values(id=90_000)),
        insert(runs).values(log="changes", first_seq=41, first_id=90_000, length=1),
    )


@forgery("entry", 16)
async def the_order_of_two_runs_is_turned(scene: Scene) -> None:
    rows = [await scene.row(runs, runs.c.log == "changes", runs.c.first_seq == seq) for seq in (16, 21)]
    numbers = [row.first_id for row in rows]
    for row, number in zip(rows, (-1, numbers[0]), strict=True):
        same = runs.c.log == "changes", runs.c.first_seq == row.first_seq
        await scene.sql(update(runs).where(*same).values(first_id=number))
    await scene.sql(update(runs).where(runs.c.log == "changes", runs.c.first_id == -1).values(first_id=numbers[1]))


@forgery("missing", 21)
async def a_place_is_given_to_an_entry_that_never_was(scene: Scene) -> None:
    same = runs.c.log == "changes", runs.c.first_seq == 21
    await scene.sql(update(runs).where(*same).values(first_id=95_000))


async def alter_tile(scene: Scene, level: int, number: int, nodes: bytes) -> None:
    same = tiles.c.log == "changes", tiles.c.level == level, tiles.c.number == number
    await scene.sql(update(tiles).where(*same).values(nodes=nodes))


async def leaf_of(scene: Scene, seq: int) -> bytes:
    return leaf_hash(encode(dict((await scene.row(changes, scene.at(seq)))._mapping)))


async def put_leaf(scene: Scene, seq: int, leaf: bytes) -> None:
    """Replace the hash of a leaf in its tile."""
    number, at = divmod(seq - 1, 16)
    tile = await scene.row(tiles, tiles.c.log == "changes", tiles.c.level == 0, tiles.c.number == number)
    await alter_tile(scene, 0, number, tile.nodes[: at * 32] + leaf + tile.nodes[at * 32 + 32 :])


@forgery("entry", 17)
async def a_leaf_is_changed(scene: Scene) -> None:
    await put_leaf(scene, 17, bytes(32))


@forgery("root", 16)
async def an_entry_is_changed_with_its_leaf(scene: Scene) -> None:
    await the_item_at(scene, 18)
    await put_leaf(scene, 18, await leaf_of(scene, 18))


async def the_item_at(scene: Scene, seq: int) -> None:
    await scene.sql(update(changes).where(scene.at(seq)).values(entity_id="another"))


@forgery("tree", 1)
async def a_node_is_changed(scene: Scene) -> None:
    await alter_tile(scene, 4, 0, bytes(64))


@forgery("tree", 17)
async def a_tile_is_removed(scene: Scene) -> None:
    await scene.sql(delete(tiles).where(tiles.c.log == "changes", tiles.c.level == 0, tiles.c.number == 1))


@forgery("tree", 33)
async def a_tile_is_cut(scene: Scene) -> None:
    await alter_tile(scene, 0, 2, b"")


async def newest(scene: Scene) -> Any:
    highest = select(func.max(checkpoints.c.id)).where(checkpoints.c.log == "changes").scalar_subquery()
    return await scene.row(checkpoints, checkpoints.c.id == highest)


async def rewrite(scene: Scene, size: int, note: Note | bytes) -> None:
    """Replace the newest checkpoint of a size."""
    same = checkpoints.c.log == "changes", checkpoints.c.size == size
    await scene.sql(update(checkpoints).where(*same).values(note=bytes(note).decode()))


async def signed_by(scene: Scene, signer: Signer, size: int, root: bytes, epoch: int = 0) -> Note:
    return sign_note(Checkpoint(signer.key.name, size, root, at=now(), epoch=epoch).text, signer)


@forgery("checkpoint", 25)
async def the_size_in_a_checkpoint_is_changed(scene: Scene) -> None:
    row = await scene.row(checkpoints, checkpoints.c.log == "changes", checkpoints.c.size == 25)
    await rewrite(scene, 25, row.note.replace("\n25\n", "\n24\n").encode())


@forgery("checkpoint", 25)
async def the_time_in_a_checkpoint_is_changed(scene: Scene) -> None:
    row = await scene.row(checkpoints, checkpoints.c.log == "changes", checkpoints.c.size == 25)
    await rewrite(scene, 25, row.note.replace("attest/time 20", "attest/time 21").encode())


@forgery("checkpoint", 25)
async def a_checkpoint_is_no_note(scene: Scene) -> None:
    await rewrite(scene, 25, b"all is well\n")


@forgery("checkpoint", 25)
async def a_checkpoint_is_signed_by_another_key(scene: Scene) -> None:
    await rewrite(scene, 25, await signed_by(scene, scene.other, 25, bytes(32)))


@forgery("checkpoint", 25)
async def a_checkpoint_is_signed_by_another_key_that_is_stored(scene: Scene) -> None:
    key = scene.other.key
    await scene.sql(insert(seal_keys).values(log="changes", id=key.id.hex(), key=str(key), at=now()))
    await rewrite(scene, 25, await signed_by(scene, scene.other, 25, bytes(32)))


@forgery("root", 21)
async def another_root_is_signed_by_the_real_key(scene: Scene) -> None:
    """One that does not fit the entries; a log that was rewritten as a whole is another matter."""
    row = await scene.row(checkpoints, checkpoints.c.log == "changes", checkpoints.c.size == 25)
    at = Checkpoint.parse(Note.parse(row.note.encode()).text).at
    text = Checkpoint(scene.signer.key.name, 25, bytes(32), at=at, epoch=0).text
    await rewrite(scene, 25, sign_note(text, scene.signer))


@forgery("order", 36)
async def the_newest_checkpoint_is_removed(scene: Scene) -> None:
    await scene.sql(delete(checkpoints).where(checkpoints.c.log == "changes", checkpoints.c.size == 40))


@forgery("checkpoint", 30)
async def a_checkpoint_is_of_an_older_epoch(scene: Scene) -> None:
    row = await scene.row(checkpoints, checkpoints.c.log == "changes", checkpoints.c.size == 25)
    parsed = Checkpoint.parse(Note.parse(row.note.encode()).text)
    text = Checkpoint(parsed.origin, 25, parsed.root, at=parsed.at, epoch=7).text
    await rewrite(scene, 25, sign_note(text, scene.signer))


@forgery("state")
async def the_state_of_the_sealer_is_changed(scene: Scene) -> None:
    row = await scene.row(seals, seals.c.log == "changes")
    await scene.sql(update(seals).where(seals.c.log == "changes").values(tree=row.tree[:-32] + bytes(32)))


@forgery("state")
async def the_state_of_the_sealer_is_no_tree(scene: Scene) -> None:
    await scene.sql(update(seals).where(seals.c.log == "changes").values(tree=b"no tree"))


@forgery("cosignature", 40)
async def a_cosignature_is_made_up(scene: Scene) -> None:
    row = await newest(scene)
    line = Note.parse(row.note.encode()).signatures[0]
    witness = "witness.example.com+8a0d6a2f+BAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g"
    values = {"checkpoint_id": row.id, "witness": witness, "signature": str(line), "at": now()}
    await scene.sql(insert(cosignatures).values(values))


@forgery("redaction")
async def the_redactions_of_a_version_are_changed(scene: Scene) -> None:
    row = await scene.row(redactions)
    document = {**row.document, "task": {"title": ["secret", None]}}
    await scene.sql(update(redactions).where(redactions.c.version == row.version).values(document=document))
