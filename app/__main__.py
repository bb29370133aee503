"""Entry point of `python -m app`."""

import gc

gc.disable()  # what imports make lives as long as the process; collections that scan it cost a sixth of the start
from app.cli import cli  # noqa: E402  # see above

gc.freeze()
gc.enable()

if __name__ == "__main__":
    cli()
