"""What a path says of where it leads."""

import os

from etils import epath


def is_remote(path: str | os.PathLike) -> bool:
    """Whether it is of a bucket, whose objects are written whole, never appended to and never locked."""
    return "://" in os.fspath(path)


def are_same(one: str | os.PathLike, other: str | os.PathLike) -> bool:
    """Whether two paths lead to one file or folder, be it by links or by "..": what is written to one is
    lost to who reads the other."""
    return epath.Path(one).resolve() == epath.Path(other).resolve()
