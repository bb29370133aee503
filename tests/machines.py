"""State machines that drive the application. Hypothesis calls them synchronously; each run has its own database."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, TypeVar
from uuid import uuid4

import httpx
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from app.core.config import Settings
from app.main import create_app
from tests.databases import Backend
from tests.fixtures.databases import settings_for

T = TypeVar("T")


class AppMachine(RuleBasedStateMachine):
    """Clones a migrated database and starts the application on it; `run` drives coroutines."""

    backend: ClassVar[Backend]
    template: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = TemporaryDirectory()
        self.name = f"machine_{uuid4().hex}"
        self.app = create_app(self.configure(self.backend.create(self.name, self.template), Path(self.folder.name)))
        self.lifespan = self.app.router.lifespan_context(self.app)
        self.run(self.lifespan.__aenter__())
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False, client=("192.0.2.7", 4711))
        self.client = httpx.AsyncClient(transport=transport, base_url="http://attest.test/api/v1")

    def configure(self, url: str, folder: Path) -> Settings:
        """The settings of the application, whose state is in `folder`."""
        return settings_for(url, folder)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def teardown(self) -> None:
        self.run(self.client.aclose())
        self.run(self.lifespan.__aexit__(None, None, None))
        self.runner.close()
        self.backend.drop(self.name)
        self.folder.cleanup()


def play(
    machine: type[AppMachine], template: tuple[Backend, str], examples: int, steps: int, part: int | None = None
) -> None:
    """Run `machine` on clones of `template`, the same way every time; another `part` is other runs."""
    machine.backend, machine.template = template
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine if part is None else seed(part)(machine), settings=chosen)
