"""`python -m scripts.archive_audit --before 2026-01`: the same as `python -m app archive`."""

import sys

from app.cli import cli

if __name__ == "__main__":
    cli(["archive", *sys.argv[1:]])
