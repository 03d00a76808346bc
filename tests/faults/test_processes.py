"""A worker that dies, two runs in one workdir, a signal that comes twice."""

import os
import random
import signal
import time

import psutil
import pytest

from albert_jax.training.preemption import STOPPED
from tests import runs
from tests.commands import run, start
from tests.faults.test_disk import all_can_be_read
from tests.faults.test_kill import newest
from tests.test_resume import has_logged, metrics

ENDLESS, WORKER = "--config.training.steps=100000", "--config.data.workers=1"


def wait_for(moment, workdir, process):
    while not moment(workdir):
        assert process.poll() is None, process.communicate()
        time.sleep(0.001)


def workers(process):
    """The processes that make batches."""
    children = psutil.Process(process.pid).children()
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


def first_steps(workdir):
    """What the run that nothing disturbed has of the metrics of a longer one."""
    return [line for line in metrics(workdir) if line["step"] <= runs.STEPS]


def assert_goes_on(workdir, *flags):
    """The same command ends well, and the numbers are those of a run that nothing disturbed."""
    steps = max(runs.STEPS, newest(workdir) + 1)
    finished = run(*runs.pretrain(workdir, *flags, f"--config.training.steps={steps}"))
    assert (finished.status, finished.err) == (0, "")
    assert first_steps(workdir) == metrics(runs.trained()[0])


def dies_without_its_worker(workdir, step):
    """A run whose worker is killed after the line of a step; then the same command once more."""
    process = start(*runs.pretrain(workdir, WORKER, ENDLESS))
    wait_for(has_logged(step), workdir, process)
    (worker,) = workers(process)
    worker.kill()
    _, err = process.communicate(timeout=60)
    line, *rest = err.splitlines()
    assert process.returncode == 1
    assert line.startswith("albert-jax: a worker process that makes batches died with exit code -9")
    assert not rest or "leaked shared_memory objects to clean up" in rest[0], err  # Python's own
    assert_goes_on(workdir, WORKER)


def test_a_worker_that_is_killed(tmp_path, record_property):
    dies_without_its_worker(tmp_path, 12)
    record_property("a dead data worker", "1 | one line; bitwise on by the same command")


@pytest.mark.slow
def test_workers_that_are_killed(tmp_path, record_property):
    draw, times = random.Random(3), 2
    for number in range(times):
        dies_without_its_worker(tmp_path / str(number), draw.randint(1, 40))
    record_property("a dead data worker, other moments", f"{times} | one line; bitwise on")


def test_a_second_run_in_the_workdir_of_the_first(tmp_path, record_property):
    words = runs.pretrain(tmp_path)
    first = start(*words, ENDLESS)
    wait_for(has_logged(1), tmp_path, first)
    second = run(*words)
    assert second.status == 1 and second.err.count("\n") == 1
    assert f"albert-jax: {tmp_path}: process {first.pid} of " in second.err
    assert "is writing there" in second.err
    wait_for(has_logged(runs.STEPS), tmp_path, first)
    first.send_signal(signal.SIGTERM)
    _, err = first.communicate(timeout=60)
    assert (first.returncode, err) == (STOPPED, "")
    assert first_steps(tmp_path) == metrics(runs.trained()[0])
    record_property(
        "a second run in the workdir of a running one",
        "1 | the second stops with one line, the first does not notice",
    )


@pytest.mark.slow
def test_two_runs_at_once(tmp_path, record_property):
    times = 2
    for number in range(times):
        words = runs.pretrain(tmp_path / str(number))
        processes = [start(*words) for _ in range(2)]
        ends = [process.communicate(timeout=100) for process in processes]
        assert sorted(process.returncode for process in processes) == [0, 1], ends
        assert metrics(tmp_path / str(number)) == metrics(runs.trained()[0])
    record_property(
        "two runs started at once", f"{times} | one runs, the other stops with one line"
    )


def told_twice(workdir, step, pause):
    """SIGTERM after the line of a step, and another a moment later: how the run ended."""
    process = start(*runs.pretrain(workdir, WORKER, ENDLESS))
    wait_for(has_logged(step), workdir, process)
    os.killpg(process.pid, signal.SIGTERM)
    time.sleep(pause)
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode in (STOPPED, -signal.SIGTERM)
    assert "Traceback" not in err, err
    all_can_be_read(workdir)
    assert_goes_on(workdir, WORKER)
    return process.returncode


@pytest.mark.slow
def test_sigterm_twice(tmp_path, record_property):
    draw, ends = random.Random(4), []
    for number in range(4):
        step, pause = draw.randint(2, 40), draw.uniform(0.002, 0.2)
        ends.append(told_twice(tmp_path / str(number), step, pause))
    outcome = f"{ends.count(STOPPED)} had saved by then, {ends.count(-15)} stopped at once"
    record_property("SIGTERM twice", f"{len(ends)} | {outcome}; all bitwise on")
