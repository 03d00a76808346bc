"""A disk that is full or read-only: one line, nothing lost, and with room the same command goes on."""

import jax
import pytest

from albert_jax.training.checkpoint import restore_params
from tests import runs
from tests.commands import run
from tests.faults.disk import disk
from tests.faults.test_kill import newest
from tests.test_resume import metrics

KEEP_ALL = ("--config.checkpoint.save_every=5", "--config.checkpoint.keep_last=100")


def one_line(finished):
    """The line with which a command has failed."""
    assert finished.status == 1, finished
    assert finished.err.startswith("albert-jax: ") and finished.err.count("\n") == 1, finished.err
    return finished.err


def all_can_be_read(workdir):
    """How many checkpoints there are; every one is whole."""
    folder = workdir / "checkpoints"
    steps = [int(path.name) for path in folder.glob("*") if path.name.isdigit()]
    for step in steps:
        assert jax.tree.leaves(restore_params(folder, step))
    return len(steps)


def fills_up(folder, size):
    """A run on a disk that is too small, and then is not: how many checkpoints fitted on it."""
    with disk(folder, size) as change:
        words = runs.pretrain(folder / "W", *KEEP_ALL)
        line = one_line(run(*words))
        assert str(folder) in line and "the space on its disk" in line
        count = all_can_be_read(folder / "W")
        change("size=64m")
        finished = run(*words)
        assert (finished.status, finished.err) == (0, "")
        assert metrics(folder / "W") == metrics(runs.trained()[0])
    return count


def test_a_run_on_a_full_disk(tmp_path, record_property):
    runs.trained()
    count = fills_up(tmp_path / "disk", "1m")
    assert count
    outcome = f"one line, {count} checkpoints before it whole; bitwise on when there was room"
    record_property("a disk that fills up during a run", f"1 | {outcome}")


@pytest.mark.slow
def test_another_try_without_room_does_no_harm(tmp_path):
    folder = tmp_path / "disk"
    with disk(folder, "1m"):
        for _ in range(2):
            one_line(run(*runs.pretrain(folder / "W", *KEEP_ALL)))
        assert all_can_be_read(folder / "W")
        model = "vocabulary.model"
        assert (folder / "W" / model).read_bytes() == (runs.prepared() / model).read_bytes()
        assert run("fill-mask", f"--model={folder}/W", "we [MASK] the people").status == 0


@pytest.mark.slow
def test_disks_of_many_sizes(tmp_path, record_property):
    sizes = (8, 32, 100, 300, 700)  # KB
    counts = [fills_up(tmp_path / f"disk{size}", f"{size}k") for size in sizes]
    assert counts == sorted(counts) and counts[0] < counts[-1]
    outcome = f"one line, {min(counts)} to {max(counts)} checkpoints whole; bitwise on with room"
    record_property("disks of 8 to 700 KB, full at other moments", f"{len(sizes)} | {outcome}")


def test_text_on_a_full_disk(tmp_path, record_property):
    texts = runs.prepared().parents[1] / "texts.jsonl"
    source = (f"--config.corpus.source={texts}", "--config.corpus.field=body")
    folder = tmp_path / "disk"
    with disk(folder, "64k") as change:
        words = ("prepare", runs.CONFIG, f"--workdir={folder}/W", *source)
        line = one_line(run(*words))
        assert str(folder) in line and "the space on its disk" in line
        assert not list((folder / "W").iterdir())
        change("size=64m")
        assert run(*words).status == 0
    record_property(
        "a disk that fills up during prepare", "1 | one line, nothing left; whole with room"
    )


@pytest.mark.slow
def test_a_read_only_workdir(tmp_path, record_property):
    """It cannot be trained in, and can be read."""
    folder, flag = tmp_path / "disk", "--config.training.steps=20"
    with disk(folder, "64m") as change:
        workdir = folder / "W"
        assert run(*runs.pretrain(workdir, flag)).status == 0
        change("ro")
        assert "Read-only file system" in one_line(run(*runs.pretrain(workdir)))
        assert run("fill-mask", f"--model={workdir}", "we [MASK] the people").status == 0
        assert newest(workdir) == 20
        change("rw")
        assert run(*runs.pretrain(workdir)).status == 0
        assert metrics(workdir) == metrics(runs.trained()[0])
    outcome = "one line; fill-mask reads it; bitwise on when it could be written to"
    record_property("a read-only workdir", f"1 | {outcome}")
