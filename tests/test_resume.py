"""Killed at any moment and started again, a run logs the losses of one that nothing disturbed."""

import contextlib
import os
import signal
import time

import psutil
import pytest

from albert_jax.training import tracking
from albert_jax.training.preemption import STOPPED
from tests import runs
from tests.commands import run, start

CLOCKS = ("seconds", "tokens_per_second", "mfu")


def metrics(workdir):
    """Everything in metrics.jsonl but the times."""
    lines = tracking.read(workdir)
    return [{k: v for k, v in line.items() if k not in CLOCKS} for line in lines]


def has_logged(step):
    """A moment to kill at: right after the line of a step."""
    return lambda workdir: f'{{"step": {step}, ' in _text(workdir / "metrics.jsonl")


def is_saving(workdir):
    """Another: a checkpoint is half written, and it is not the first."""
    with contextlib.suppress(FileNotFoundError):
        names = [path.name for path in (workdir / "checkpoints").iterdir()]
        return len(names) > 1 and any("tmp" in name for name in names)
    return False


def _text(path):
    return path.read_text() if path.exists() else ""


def stop_at(moment, command, workdir, send, number):
    """Runs a command, sends it a signal at a moment: (exit status, stdout, stderr).

    `send` is os.kill, or os.killpg for the whole group, its worker processes too.
    """
    process = start(*command)
    while not moment(workdir) and process.poll() is None:
        time.sleep(0.0005)
    assert process.poll() is None, process.communicate()
    workers = psutil.Process(process.pid).children(recursive=True)
    send(process.pid, number)
    out, err = process.communicate(timeout=100)  # ends when the workers have ended, too
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert not alive
    return process.returncode, out, err


@pytest.mark.parametrize(
    ("workers", "moments"),
    [(0, [has_logged(4), is_saving]), (1, [is_saving, has_logged(47)])],
    ids=["in one process", "with a worker"],
)
def test_killed_and_started_again_it_logs_the_same_losses(workers, moments, tmp_path):
    command = runs.pretrain(tmp_path, f"--config.data.workers={workers}")
    for moment in moments:
        status, _, _ = stop_at(moment, command, tmp_path, os.kill, signal.SIGKILL)
        assert status == -signal.SIGKILL
    finished = run(*command)
    assert (finished.status, finished.err) == (0, "")
    assert "resuming after step" in finished.out
    assert metrics(tmp_path) == metrics(runs.trained()[0])


def test_a_signal_to_stop_saves_first(tmp_path):
    command = runs.pretrain(tmp_path, "--config.data.workers=1")
    status, out, err = stop_at(has_logged(13), command, tmp_path, os.killpg, signal.SIGTERM)
    assert (status, err) == (STOPPED, "")
    assert "stopped by SIGTERM after step" in out and "the same command resumes" in out
    last = metrics(tmp_path)[-1]["step"]
    assert (tmp_path / "checkpoints" / str(last)).exists()
    finished = run(*command)
    assert f"resuming after step {last}" in finished.out
    assert metrics(tmp_path) == metrics(runs.trained()[0])
