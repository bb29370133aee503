"""The whole API, fuzzed for 40 seconds; `make fuzz` takes ten."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.servers import ROOT


@pytest.mark.timeout(240)
def test_no_answer_breaks_the_contract(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "scripts.fuzz", "--max-time", "40", "-n", "5", "--seed", "1", "--no-color"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert run.returncode == 0, f"{run.stdout}\n{run.stderr}"
    tested = re.search(r"Tested: (\d+)", run.stdout)
    assert tested, run.stdout
    assert int(tested[1]) >= 100, "most operations were not reached"
