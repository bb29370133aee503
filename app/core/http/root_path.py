"""The root path: where a proxy serves the application, whether it strips that path from requests or leaves it."""

from collections.abc import Iterable

from starlette.types import Scope


class AmbiguousRootPath(RuntimeError):
    """The root path is the beginning of a path of the application, so that no request tells whether it was stripped."""


def check_root_path(root_path: str, paths: Iterable[str]) -> None:
    """Raise AmbiguousRootPath where one of `paths`, those of the application, lies below `root_path`."""
    if not root_path:
        return
    clash = next((path for path in paths if is_below(path, root_path)), None)
    if clash is not None:
        raise AmbiguousRootPath(f"ROOT_PATH: {root_path} is the beginning of our own path {clash}; choose another")


def complete_path(scope: Scope, root_path: str) -> None:
    """Make the path of `scope` the one that the client called, as ASGI defines it: with the root path in front."""
    root_path = root_path or scope.get("root_path", "")
    if not root_path:
        return
    scope["root_path"] = root_path
    if not is_below(scope["path"], root_path):
        scope["path"] = root_path + scope["path"]
        if scope.get("raw_path"):
            scope["raw_path"] = root_path.encode() + scope["raw_path"]
    if scope["path"] == root_path:
        scope["path"] = f"{root_path}/"


def route_path(scope: Scope) -> str:
    """The path of a request below the root path, by which it is routed and logged."""
    path, root_path = str(scope["path"]), str(scope.get("root_path", ""))
    return path[len(root_path) :] if root_path and is_below(path, root_path) else path


def is_below(path: str, root_path: str) -> bool:
    return path == root_path or path.startswith(f"{root_path}/")
