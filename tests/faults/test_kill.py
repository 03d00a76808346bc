"""Killed fifty times at chosen and at random moments, a run ends as one that nothing disturbed.

Each start is a process of its own, forked from one that has imported everything: half of what a
start takes is imports.
"""

import multiprocessing
import random
import signal
import time
from collections import Counter

import jax
import numpy as np
import pytest

from albert_jax.training.checkpoint import restore_params
from tests import runs
from tests.commands import run
from tests.faults import doomed
from tests.test_resume import metrics

RESTARTS = 50
CONFIG = "--config=tests/tiny.py:steps=100000,save=4"
FLAGS = ("--config.training.evaluate_every=6", "--config.training.evaluation_batches=2")
LAST = {  # moment: how often it comes by, at most, before the kill
    "data": 12,
    "step": 12,
    "evaluation": 4,
    "metrics": 14,
    "save": 40,
    "rename": 4,
    "removal": 60,
}
ANY = "any time"
PRELOADED = [doomed.__name__, "tensorflow_datasets", "tensorboardX.event_file_writer"]


def newest(workdir):
    """The newest complete checkpoint."""
    folder = workdir / "checkpoints"
    names = [path.name for path in folder.iterdir()] if folder.exists() else []
    return max((int(name) for name in names if name.isdigit()), default=0)


def killed(words, moment, workdir, draw):
    """Runs a command that is killed at a moment: (exit status, what it printed)."""
    log, begun = workdir.with_suffix(".log"), newest(workdir)
    log.write_text("")
    chosen = () if moment == ANY else (moment, draw.randint(1, LAST[moment]))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    process = context.Process(target=doomed.run, args=(words, log, *chosen))
    process.start()
    if moment == ANY:
        end = time.monotonic() + draw.uniform(0, 8)
        while time.monotonic() < end and newest(workdir) < begun + 12:
            time.sleep(0.001)
        process.kill()
    process.join(300)
    return process.exitcode, log.read_text()


def check(end, before, workdir):
    """What holds after every kill."""
    status, printed = end
    assert status == -signal.SIGKILL, end
    assert "Traceback" not in printed and "damaged" not in printed, printed
    begin = f"resuming after step {before}\n" if before else "from the beginning\n"
    assert begin in printed or "steps, " not in printed, printed
    assert newest(workdir) >= before


def assert_same_state(workdir, other):
    """The newest checkpoints are equal, bit by bit."""
    for part in ("params", "opt_state"):
        one, two = (restore_params(it / "checkpoints", part=part) for it in (workdir, other))
        jax.tree.map(np.testing.assert_array_equal, one, two)


@pytest.mark.slow  # four minutes
def test_fifty_kills_change_nothing(tmp_path, record_property):
    workdir, draw, times = tmp_path / "W", random.Random(8), Counter()
    for number in range(RESTARTS):
        moment = (*doomed.MOMENTS, ANY)[number % (len(doomed.MOMENTS) + 1)]
        workers = f"--config.data.workers={draw.choice([0, 0, 0, 0, 1])}"
        words = runs.pretrain(workdir, *FLAGS, workers, config=CONFIG)
        before = newest(workdir)
        check(killed(words, moment, workdir, draw), before, workdir)
        times[moment] += 1
    steps = f"--config.training.steps={newest(workdir) + 20}"
    other = tmp_path / "undisturbed"
    for folder in (workdir, other):
        finished = run(*runs.pretrain(folder, *FLAGS, steps, config=CONFIG))
        assert (finished.status, finished.err) == (0, "")
    assert metrics(workdir) == metrics(other)
    assert_same_state(workdir, other)
    left = {path.name for path in workdir.iterdir()} - {path.name for path in other.iterdir()}
    assert not left  # nothing half written
    for moment in times:
        outcome = "went on; in the end metrics, parameters and moments are bitwise the same"
        record_property(f"SIGKILL: {moment}", f"{times[moment]} | {outcome}")
