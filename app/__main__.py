"""`python -m app`."""

import gc

gc.disable()  # everything that is imported stays; collections while importing only cost time

from app.cli import cli  # noqa: E402  # see above

gc.enable()
cli()
