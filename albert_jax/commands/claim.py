"""One process at a time writes into a folder; a second one is told so, and touches nothing."""

import contextlib
import fcntl
import logging
import os
import platform
from collections.abc import Iterator
from typing import TextIO

from etils import epath

from albert_jax.errors import UserError
from albert_jax.paths import is_remote


@contextlib.contextmanager
def claimed(lock: epath.Path) -> Iterator[None]:
    """Inside, no other process can claim the same lock, a file in the folder to be written to.

    It is gone afterwards; one that a killed process left behind holds nobody up. In a bucket, where
    nothing can be locked, this does nothing, and on a disk that has no locks it says so.

    Raises:
      UserError: another process holds it.
    """
    if is_remote(lock):
        yield
        return
    lock.parent.mkdir(parents=True, exist_ok=True)
    with _opened(lock) as file:
        file.truncate(0)
        file.write(f"process {os.getpid()} of {platform.node()}")
        file.flush()
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def _opened(lock: epath.Path) -> TextIO:
    """The file, locked; anew if its last holder has removed it since it was opened."""
    while True:
        file = lock.open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.close()
            raise UserError(_told(lock)) from error
        except OSError as error:
            reason = f"no locks there ({error.strerror})"
            logging.warning("%s: %s; let no second process write to it", lock.parent, reason)
            return file
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), os.stat(lock)):
                return file
        file.close()


def _told(lock: epath.Path) -> str:
    holder = (lock.exists() and lock.read_text()) or "another process"
    return (
        f"{lock.parent}: {holder} is writing there (it holds {lock}); wait for it, stop it, "
        "or choose another folder"
    )
