"""The short form of `make audit-scale`: every question of an auditor has an answer, in a log that SQL has filled."""

import subprocess
import sys

from scripts.bench.audit_scale import questions
from scripts.servers import ROOT


def test_every_question_of_an_auditor_is_answered() -> None:
    command = (sys.executable, "-m", "scripts.bench.audit_scale", "--changes", "600", "--rounds", "1")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)

    assert done.returncode == 0, done.stderr[-2000:]
    assert "The logs are what was sealed." in done.stdout
    for question in questions(600):
        assert f"| {question.words} | first |" in done.stdout
