"""A small disk in memory, mounted where a test wants it."""

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Change = Callable[[str], None]  # takes options of mount, as in "ro" or "size=1m"


@contextlib.contextmanager
def disk(folder: Path, size: str) -> Iterator[Change]:
    """Mounts one; gives a function that changes it. Skips the test where nothing can be mounted."""
    folder.mkdir()
    if _mount(f"size={size}", folder):
        pytest.skip("a small disk cannot be mounted here; that takes root")
    try:
        yield lambda options: _changed(options, folder)
    finally:
        subprocess.run(["umount", folder], check=True)


def _mount(options: str, folder: Path) -> int:
    words = ["mount", "-t", "tmpfs", "-o", options, "none", folder]
    try:
        return subprocess.run(words, capture_output=True).returncode
    except FileNotFoundError:
        return 1


def _changed(options: str, folder: Path):
    subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True)
