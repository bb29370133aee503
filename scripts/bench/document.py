"""Writes the tables of a bench to their places in docs/benchmarks.md."""

import os
import re
from pathlib import Path

from scripts.servers import ROOT

DOCUMENT = ROOT / "docs/benchmarks.md"


def write(name: str, table: str, document: Path = DOCUMENT) -> None:
    """Put `table` between the marks of `name`. Raises ValueError where the document has no such marks."""
    start, end = f"<!-- bench {name} -->", f"<!-- end of bench {name} -->"
    text = document.read_text()
    pattern = re.compile(f"({re.escape(start)}\n).*?({re.escape(end)})", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"{document.name} has no place for {name}")
    document.write_text(pattern.sub(lambda found: f"{found[1]}\n{table}\n\n{found[2]}", text))


def describe_machine(database: str) -> str:
    """A line on where a bench runs, and how busy it is with other work."""
    load = os.getloadavg()[0]
    return f"PostgreSQL {database}, {os.cpu_count()} cores, load of the machine before the start: {load:.1f}."
