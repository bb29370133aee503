"""Running migrations from code, as `python -m app migrate`, the tests and readiness do."""

from functools import cache
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.engine import make_url

from alembic import command
from app.core.config import Settings

ROOT = Path(__file__).parents[2]


def config(settings: Settings | None = None) -> Config:
    """Alembic's configuration for this tree; `settings` travel to `env.py`, so URLs are never written to a file."""
    found = Config(ROOT / "alembic.ini")
    found.set_main_option("script_location", str(ROOT / "alembic"))
    found.attributes["settings"] = settings
    return found


def upgrade(settings: Settings) -> None:
    """Bring the database to the newest revision."""
    if settings.is_sqlite:
        file = make_url(settings.database_url.get_secret_value()).database or ""
        Path(file).parent.mkdir(parents=True, exist_ok=True)
    command.upgrade(config(settings), "head")


def check(settings: Settings) -> None:
    """Raise unless the migrated database equals the models."""
    command.check(config(settings))


@cache
def heads() -> set[str]:
    return set(ScriptDirectory.from_config(config()).get_heads())
