"""Every audited table has the triggers that record what comes past the application."""

import pytest
from sqlalchemy import text

from app.core.config import Settings
from app.core.db.audited import audited_models
from app.core.db.backstop import NUL, VERBS, backstop_triggers
from app.core.db.connecting import create_engine
from app.modules import import_models
from app.modules.audit.changes.redaction_rules import backstop_columns
from tests.roles import as_owner

import_models()

FIND_TRIGGERS = """
SELECT tgrelid::regclass::text AS name, encode(tgargs, 'escape') AS arguments, tgenabled::text AS enabled
FROM pg_trigger WHERE tgname LIKE '%\\_backstop\\_%'"""


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_every_audited_table_has_a_backstop(settings: Settings) -> None:
    """A column that is plain in the model and not in the trigger is stored as a digest: renew it by a migration."""
    async with create_engine(as_owner(settings)).connect() as connection:
        found = (await connection.execute(text(FIND_TRIGGERS))).all()

    arguments = {(row.name.strip('"'), frozenset(row.arguments.removesuffix(NUL).split(NUL))) for row in found}
    models = {name: model for name, model in audited_models().items() if model.__module__.startswith("app.")}
    assert arguments == {(name, frozenset(backstop_columns(model))) for name, model in models.items()}
    assert len(found) == len(models) * len(VERBS)
    assert {row.enabled for row in found} == {"O"}


def test_a_trigger_does_nothing_on_connections_of_the_application() -> None:
    assert all("<> 'attest'" in statement for statement in backstop_triggers("task", ["id"]))
