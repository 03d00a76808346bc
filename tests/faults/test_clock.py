"""A wall clock that jumps changes no number and loses no checkpoint."""

import pytest

from tests import runs
from tests.commands import run
from tests.faults import clock
from tests.faults.test_kill import newest
from tests.test_resume import metrics

YEARS = 30 * 365 * 24 * 3600  # seconds


@pytest.mark.slow
def test_a_clock_that_jumps(tmp_path, record_property):
    """Sixty years back between two starts; an hour back, again and again, within the second."""
    for steps, ahead, drift in ((30, YEARS, 0), (60, -YEARS, -3600)):
        words = runs.pretrain(tmp_path, f"--config.training.steps={steps}")
        words += ["--config.checkpoint.keep_last=2", "--config.checkpoint.keep_best=0"]
        finished = run(ahead, drift, *words, module=clock.__name__)
        assert (
            finished.status == 0 and "albert-jax" not in finished.err
        )  # libraries warn of their age
        assert newest(tmp_path) == steps
    found, expected = metrics(tmp_path), metrics(runs.trained()[0])
    assert [line for line in found if line["step"] != 30 or line["kind"] == "train"] == expected
    record_property(
        "a wall clock that jumps, by an hour and by 60 years", "2 starts | bitwise the same"
    )
