"""Opens places for files: a folder, or a bucket."""

from pathlib import Path

from obstore.store import LocalStore, ObjectStore, from_url


def open_store(target: str) -> ObjectStore:
    """The store at `target`: a folder, which is created, or a URL such as `s3://bucket/prefix`.

    The credentials of a bucket come from the environment (`AWS_ACCESS_KEY_ID` …). Raises obstore's BaseError.
    """
    return from_url(target) if "://" in target else LocalStore(Path(target).absolute(), mkdir=True)
