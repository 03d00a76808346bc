"""One process at a time writes into a folder."""

import dataclasses
import fcntl
import os
import subprocess
import sys

import pytest
from etils import epath

from albert_jax.commands.claim import claimed
from albert_jax.commands.prepare import prepare
from albert_jax.data.config import CorpusConfig
from albert_jax.errors import UserError


def test_it_is_one_s_own_and_leaves_nothing(tmp_path):
    lock = epath.Path(tmp_path / "new" / "W" / ".lock")
    for _ in range(2):
        with claimed(lock):
            assert lock.read_text() == f"process {os.getpid()} of {os.uname().nodename}"
        assert not list(lock.parent.iterdir())


def test_who_holds_it_is_named(tmp_path):
    lock = epath.Path(tmp_path / ".lock")
    with claimed(lock):
        for _ in range(2):
            with pytest.raises(UserError) as error, claimed(lock):
                raise AssertionError
            assert f"{tmp_path}: process {os.getpid()} of " in str(error.value)
            assert f"(it holds {lock}); wait for it, stop it" in str(error.value)


HOLDER = """
import os, sys
from etils import epath
from albert_jax.commands.claim import claimed
with claimed(epath.Path(sys.argv[1])):
    os.kill(os.getpid(), 9)
"""


def test_what_a_killed_process_left_holds_nobody_up(tmp_path):
    lock = epath.Path(tmp_path / ".lock")
    assert subprocess.run([sys.executable, "-c", HOLDER, lock]).returncode == -9
    assert "process " in lock.read_text()
    with claimed(lock):
        assert lock.read_text() == f"process {os.getpid()} of {os.uname().nodename}"


def test_it_is_gone_after_a_failure(tmp_path):
    with pytest.raises(ZeroDivisionError), claimed(epath.Path(tmp_path / ".lock")):
        1 / 0  # noqa: B018
    assert not list(tmp_path.iterdir())


def test_a_lock_that_its_holder_removed_meanwhile_is_taken_anew(tmp_path, monkeypatch):
    """Opened before the other was done, locked after it: what one then has is no file any more."""
    lock, flock, seen = epath.Path(tmp_path / ".lock"), fcntl.flock, []

    def late(file, how):
        seen.append(file)
        if len(seen) == 1:
            lock.unlink()
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with claimed(lock):
        assert len(seen) == 2 and seen[0].closed
        assert lock.exists()


def test_a_disk_without_locks_is_told_and_used(tmp_path, monkeypatch, caplog):
    def no_locks(file, how):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with claimed(epath.Path(tmp_path / ".lock")):
        assert "no locks there (Operation not supported)" in caplog.text


def test_a_bucket_has_none():
    with claimed(epath.Path("gs://bucket/W/.lock")):
        pass


def test_text_is_prepared_by_one_process(tmp_path):
    (tmp_path / "a.txt").write_text("A few words in it.\n\nAnd some more of them.\n" * 30)
    records = epath.Path(tmp_path / "W" / "records")
    corpus = CorpusConfig(
        source=str(tmp_path / "a.txt"), records=str(records), held_out=0.4, workers=1
    )
    with (
        claimed(records.parent / ".records.lock"),
        pytest.raises(UserError, match="is writing there"),
    ):
        prepare(corpus, 30)
    prepare(corpus, 30)
    assert [path.name for path in records.parent.iterdir()] == ["records"]
    with claimed(records.parent / ".records.lock"):
        prepare(dataclasses.replace(corpus, workers=2), 30)  # it is there already
