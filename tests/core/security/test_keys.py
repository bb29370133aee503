"""Key files of a development machine: made once, also by processes that start together."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from app.core.config import Environment, Settings
from app.core.security.keys import Keys, load_or_create


def test_development_makes_its_keys_once(tmp_path: Path) -> None:
    found = Settings(_env_file=None, state_dir=tmp_path, environment=Environment.development)

    first, second = Keys.load(found), Keys.load(found)

    assert first == second
    files = list((tmp_path / "keys").iterdir())
    assert {path.name for path in files} == {"secret_key", "personal_key", "signing_key.pem"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert len({first.cursor, first.refresh, first.lookup, first.personal}) == 4
    assert repr(first) == "Keys()"


def test_processes_that_start_together_agree_on_a_key(tmp_path: Path) -> None:
    made = iter(str(n) for n in range(100))

    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: load_or_create(tmp_path / "k" / "key", lambda: next(made)), range(32)))

    assert len(found) == 1
    assert [path.name for path in (tmp_path / "k").iterdir()] == ["key"]
