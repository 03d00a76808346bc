"""Prepared text on gs://: written here and then sent, fetched before it is read.

The readers and writers of ArrayRecord files know local files only. So `prepare` writes into a
temporary folder and sends it, what makes it complete last; every host of a run keeps a copy, fetched
once. Everything else of this project reads and writes gs:// as it is.
"""

import contextlib
import dataclasses
import fcntl
import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from etils import epath
from tqdm import tqdm

from albert_jax.data.config import CorpusConfig
from albert_jax.data.records import PREPARED, read_prepared
from albert_jax.paths import is_remote

CACHE = Path("~/.cache/albert_jax/records")
_CHUNK = 1 << 24  # bytes


@contextlib.contextmanager
def sent(corpus: CorpusConfig) -> Iterator[CorpusConfig]:
    """The corpus with a folder to write its records to; afterwards they are in `corpus.records`."""
    if not is_remote(corpus.records):
        yield corpus
        return
    with tempfile.TemporaryDirectory(prefix="albert-jax-") as here:
        local, remote = epath.Path(here) / "records", epath.Path(corpus.records)
        yield dataclasses.replace(corpus, records=str(local))
        remote.mkdir(parents=True, exist_ok=True)
        files = sorted(local.iterdir(), key=lambda file: file.name == PREPARED)
        _copy(files, remote, f"to {remote}")


def fetched(folder: epath.Path) -> epath.Path:
    """The folder of a prepared dataset, or this host's copy of it.

    Raises:
      UserError: there is no prepared dataset in the folder.
    """
    if not is_remote(folder):
        return folder
    read_prepared(folder)
    files = sorted(folder.iterdir())
    content = repr([(str(file), file.stat().length) for file in files])
    cache = epath.Path(CACHE.expanduser())
    cache.mkdir(parents=True, exist_ok=True)
    copy = cache / hashlib.sha256(content.encode()).hexdigest()[:16]
    with open(f"{copy}.lock", "w") as lock:  # several processes of one host
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not copy.exists():
            partial = epath.Path(f"{copy}.partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            _copy(files, partial, f"from {folder}")
            partial.rename(copy)
    return copy


def _copy(files: list[epath.Path], folder: epath.Path, purpose: str):
    """Copies files one after the other, with a progress bar over their bytes."""
    total = sum(file.stat().length for file in files)
    with tqdm(total=total, desc=purpose, unit="B", unit_scale=True, disable=None) as bar:
        for file in files:
            with file.open("rb") as source, (folder / file.name).open("wb") as target:
                while chunk := source.read(_CHUNK):
                    target.write(chunk)
                    bar.update(len(chunk))
