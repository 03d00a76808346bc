"""A folder that appears whole or not at all."""

import contextlib
import os
from collections.abc import Iterator

from etils import epath

from albert_jax.errors import UserError


@contextlib.contextmanager
def new_folder(destination: epath.Path) -> Iterator[epath.Path]:
    """A folder beside `destination` to write into; it takes its name when the block ends well.

    Raises:
      UserError: there is something at `destination` already.
    """
    if destination.exists() and not (destination.is_dir() and not any(destination.iterdir())):
        raise UserError(f"{destination} is there already and not empty; name a new folder")
    destination.parent.mkdir(parents=True, exist_ok=True)
    partial = destination.parent / f".{destination.name}.partial-{os.getpid()}"
    partial.mkdir()
    try:
        yield partial
        if destination.exists():
            destination.rmdir()
        partial.rename(destination)
    finally:
        if partial.exists():
            partial.rmtree()
