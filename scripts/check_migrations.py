"""`alembic check` on SQLite and PostgreSQL, all the way down and up again: models and migrations must agree."""

import os
import tempfile
from pathlib import Path
from uuid import uuid4

from pydantic import SecretStr

from alembic import command
from app.core.config import Environment, Settings
from app.core.db import migrations
from tests.databases import BACKENDS, URL_VARIABLE, EmbeddedServer


def check(name: str) -> None:
    """Raise unless the migrated database of this kind equals the models."""
    backend, database = BACKENDS[name](), f"check_{uuid4().hex}"
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            _env_file=None,
            environment=Environment.test,
            database_url=SecretStr(backend.create(database)),
            state_dir=Path(folder),
        )
        try:
            migrations.upgrade(settings)
            command.downgrade(migrations.config(settings), "base")
            migrations.upgrade(settings)
            migrations.check(settings)
        finally:
            backend.drop(database)
            backend.stop()


def main() -> None:
    server = None if URL_VARIABLE in os.environ else EmbeddedServer()
    if server:
        os.environ[URL_VARIABLE] = server.url
    try:
        for name in BACKENDS:
            check(name)
            print(f"alembic check: {name} is clean")
    finally:
        if server:
            server.stop()


if __name__ == "__main__":
    main()
