"""Memory is flat over thousands of steps and hundreds of epochs.

Nothing is saved meanwhile: what tensorstore keeps of checkpoints grows with the first fifty of them.
"""

import contextlib
import json
import time

import numpy as np
import psutil
import pytest

from albert_jax.data.records import Records
from albert_jax.training import tracking
from tests import runs
from tests.commands import start
from tests.faults.test_processes import workers

STEPS = 4500
ALLOWED = 8 * 2**20  # bytes that may be added between the first and the last third
FLAGS = (
    f"--config.training.steps={STEPS}",
    "--config.training.log_every=20",
    "--config.training.evaluate_every=200",
    "--config.checkpoint.save_every=100000",
    "--config.data.workers=1",
)


def watched(process, path):
    """What a run and its worker hold while it runs: rows of (step, bytes, bytes)."""
    rows, worker = [], None
    while process.poll() is None:
        time.sleep(0.2)
        lines = path.read_text().splitlines() if path.exists() else []
        with contextlib.suppress(psutil.NoSuchProcess):
            worker = worker or next(iter(workers(process)), None)
            if len(lines) > 1 and worker:
                held = [psutil.Process(it.pid).memory_info().rss for it in (process, worker)]
                rows.append((json.loads(lines[-2])["step"], *held))
    return np.array(rows)


def epochs(workdir):
    """How often a run has read its text."""
    documents = Records(runs.prepared(), "train")
    total = sum(len(documents[i].tokens) for i in range(len(documents)))
    return tracking.read(workdir)[-2]["tokens"] / total


@pytest.mark.slow
def test_memory_is_flat(tmp_path, record_property):
    process = start(*runs.pretrain(tmp_path, *FLAGS))
    rows = watched(process, tmp_path / "metrics.jsonl")
    _, err = process.communicate()
    assert process.returncode == 0, err
    first, middle, last = (
        np.median(rows[(rows[:, 0] > low) & (rows[:, 0] <= low + STEPS // 3)], axis=0)[1:]
        for low in range(0, STEPS, STEPS // 3)
    )
    told = ", ".join(f"{a / 2**20:.1f}, {b / 2**20:.1f}" for a, b in (first, middle, last))
    assert (last - first < ALLOWED).all(), told
    outcome = f"MB held by it, by its worker, in each third: {told}"
    record_property(f"a long run, of {epochs(tmp_path):.0f} epochs", f"{STEPS:,} steps | {outcome}")
