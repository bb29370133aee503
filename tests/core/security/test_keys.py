"""Key files of a development machine: made once, also by processes that start together."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from app.core.config import Environment, Settings
from app.core.security.keys import Keys, MasterKey, load_or_create


def test_development_makes_its_keys_once(tmp_path: Path) -> None:
    found = Settings(_env_file=None, state_dir=tmp_path, environment=Environment.development)

    first, second = Keys.load(found), Keys.load(found)

    assert first == second
    files = list((tmp_path / "keys").iterdir())
    assert {path.name for path in files} == {"secret_key", "personal_key", "secret_digest_key", "signing_key.pem"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert len({first.cursor, first.refresh, first.lookup, first.personal}) == 4
    assert repr(first) == "Keys()"


def test_a_file_may_hold_several_master_keys_of_which_the_first_is_used(tmp_path: Path) -> None:
    found = Settings(_env_file=None, state_dir=tmp_path, environment=Environment.development)
    (before,) = Keys.load(found).personal
    path = tmp_path / "keys" / "personal_key"
    path.write_text(f"a new master key\n{path.read_text()}\n")

    after = Keys.load(found).personal

    assert after == (MasterKey.derive("a new master key", "personal-data"), before)


def test_the_name_of_a_master_key_tells_nothing_of_it() -> None:
    one, other = MasterKey.derive("one", "personal-data"), MasterKey.derive("other", "personal-data")

    assert one == MasterKey.derive("one", "personal-data")
    assert len({one.id, other.id, one.key.hex()[:16], other.key.hex()[:16]}) == 4
    assert (len(one.id), len(one.key)) == (16, 32)
    assert repr(one) == f"MasterKey(id='{one.id}')"


def test_processes_that_start_together_agree_on_a_key(tmp_path: Path) -> None:
    made = iter(str(n) for n in range(100))

    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: load_or_create(tmp_path / "k" / "key", lambda: next(made)), range(32)))

    assert len(found) == 1
    assert [path.name for path in (tmp_path / "k").iterdir()] == ["key"]
