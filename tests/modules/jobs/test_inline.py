"""Jobs in a process of the API, which answers requests before it has imported what runs them."""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import pytest

from app.main import Application
from app.modules.jobs import hooks
from app.modules.jobs.hooks import run_inline
from tests.modules.jobs.kinds import ask, context_of, make_brand
from tests.modules.jobs.workers import until_in
from tests.people import SignedInAs

IMPORT_SECONDS = 1.0


@pytest.fixture
def receive_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], object]:
    """Puts other code in the place of the module that receives jobs."""
    monkeypatch.syspath_prepend(tmp_path)
    name = f"receiving_of_{tmp_path.name.replace('-', '_')}"
    monkeypatch.setattr(hooks, "RECEIVING", name, raising=False)
    return (tmp_path / f"{name}.py").write_text


async def test_a_process_is_ready_while_it_imports_what_runs_jobs(
    app: Application, receive_by: Callable[[str], object], signed_in_as: SignedInAs
) -> None:
    maker = await signed_in_as("brands:create")
    receive_by(f"import time; time.sleep({IMPORT_SECONDS})\nfrom app.modules.jobs.running.receiving import run_jobs\n")
    began = monotonic()

    async with run_inline(app.state):
        ready_after = monotonic() - began
        asked = await ask(app.state.database, context_of(maker.id), make_brand, "Lumen")
        await until_in(app.state.database, asked, "succeeded")
        done_after = monotonic() - began

    assert ready_after < IMPORT_SECONDS / 2
    assert done_after > IMPORT_SECONDS


async def test_a_process_that_cannot_run_jobs_ends(app: Application, receive_by: Callable[[str], object]) -> None:
    receive_by("raise ImportError('no such package')\n")
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)

    try:
        async with run_inline(app.state):
            await asyncio.wait_for(ended.wait(), 5)
    finally:
        asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)
