"""The files of the console, as its build leaves them: a page, and assets whose names change with what they hold."""

from mimetypes import guess_type
from pathlib import Path

from app.core.http.assets import Asset

BUILT = Path(__file__).parents[2] / "static" / "console"
PACKED = ".gz"
KEPT_FOR_A_YEAR = "public, max-age=31536000, immutable"


class ConsoleFiles:
    """`index.html`, `assets/<name>`, and `assets/<name>.gz` where the build has packed it.

    The names are read once: a request can name no other file.
    """

    def __init__(self, folder: Path = BUILT) -> None:
        self.page = folder / "index.html"
        self.assets = folder / "assets"
        self.is_built = self.page.is_file()
        self.names = frozenset(path.name for path in self.assets.glob("*") if path.suffix != PACKED and path.is_file())

    def build_asset(self, name: str) -> Asset:
        """The asset `name`, one of `names`."""
        body, packed = (self.assets / name).read_bytes(), self.assets / f"{name}{PACKED}"
        media_type = guess_type(name)[0] or "application/octet-stream"
        if not packed.is_file():
            return Asset.build(body, media_type, Cache_Control=KEPT_FOR_A_YEAR)
        return Asset.from_packed(body, packed.read_bytes(), media_type, Cache_Control=KEPT_FOR_A_YEAR)
