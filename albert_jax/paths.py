"""What a path says of where it leads."""

import os


def is_remote(path: str | os.PathLike) -> bool:
    """Whether it is of a bucket, whose objects are written whole, never appended to and never locked."""
    return "://" in os.fspath(path)
