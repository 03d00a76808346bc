"""Two processes are one run: the same losses, stopped together, and neither outlives the other.

Each process is a program of its own with 4 CPU devices; they are joined over loopback.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from albert_jax.commands.config import pretraining
from albert_jax.commands.pretrain import beginning, parameter_shapes
from albert_jax.data import cooccurrence
from albert_jax.errors import UserError
from albert_jax.model.albert import AlbertForPretraining
from albert_jax.training import hosts, tracking
from albert_jax.training.preemption import STOPPED
from tests import commands, runs, tiny

CONFIG = "--config=tests/tiny.py:save=4"
PATIENCE = 10  # seconds in these tests, a minute elsewhere
SLOWED = f"""
import time
from albert_jax import __main__
from albert_jax.commands import pretrain
from albert_jax.training import hosts

hosts.PATIENCE, at_once = {PATIENCE}, pretrain.to_devices
pretrain.to_devices = lambda *batch: (time.sleep(0.1), at_once(*batch))[1]
__main__.main()
"""
_ALONE = tempfile.TemporaryDirectory(prefix="albert-jax-alone-")


def words(workdir, steps):
    flags = ["--config.data.shards=2", f"--config.training.steps={steps}"]
    flags += ["--config.training.embeddings=counted"]
    flags += ["--config.training.evaluate_every=1000"]  # but in the end
    return runs.pretrain(workdir, *flags, config=CONFIG)


@contextmanager
def two(workdir, steps):
    """The two processes of a run, that leave time to send them signals; killed in the end."""
    address = f"127.0.0.1:{free_port()}"
    environment = commands.environment(devices=4) | {"JAX_ENABLE_COMPILATION_CACHE": "0"}
    processes = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                SLOWED,
                *words(workdir, steps),
                f"--hosts={i}/2@{address}",
            ],
            cwd=Path(__file__).parents[1],
            env=environment,  # compiled anew by both: gloo does not wait for a process that is late
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for i in range(2)
    ]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for_step(workdir, step, processes):
    path, line = workdir / "metrics.jsonl", f'{{"step": {step}, '
    while not (path.exists() and line in path.read_text()):
        ended = [process.communicate() for process in processes if process.poll() is not None]
        assert not ended, ended
        time.sleep(0.02)


def losses(workdir):
    """{(step, kind): numbers that are no times}."""
    names = ("loss", "mlm_loss", "sentence_loss", "mlm_baseline", "sentence_baseline", "grad_norm")
    return {
        (line["step"], line["kind"]): [line[name] for name in names if name in line]
        for line in tracking.read(workdir)
    }


def assert_like_one_process(workdir, steps):
    """All losses of a run are those of one process on 8 devices; a longer run goes on from a shorter."""
    alone = Path(_ALONE.name)
    if not list(alone.iterdir()) or (steps, "train") not in losses(alone):
        commands.call(*words(alone, steps))
    found, expected = losses(workdir), losses(alone)
    assert len(found) >= steps
    for key, values in found.items():
        np.testing.assert_allclose(values, expected[key], rtol=0, atol=1e-5, err_msg=str(key))


def test_one_host_told_to_stop_stops_both_and_half_the_devices_go_on(tmp_path):
    with two(tmp_path, steps=1000) as processes:
        wait_for_step(tmp_path, 6, processes)
        processes[1].send_signal(signal.SIGTERM)
        ends = [process.communicate(timeout=100) for process in processes]
        assert [process.returncode for process in processes] == [STOPPED] * 2, ends
    assert "stopped by SIGTERM after step" in ends[0][0]
    assert "loss" not in ends[1][0]  # the log is process 0's
    last = tracking.read(tmp_path)[-1]["step"]
    assert (tmp_path / "checkpoints" / str(last)).exists()
    finished = commands.run(*words(tmp_path, last + 4), devices=4)
    assert (finished.status, finished.err) == (0, "")
    assert f"resuming after step {last}" in finished.out
    assert_like_one_process(tmp_path, last + 4)


@pytest.mark.slow  # two minutes of two cores: compiled four times
def test_a_host_that_is_killed_takes_the_other_down_and_both_come_back(tmp_path):
    with two(tmp_path, steps=1000) as processes:
        wait_for_step(tmp_path, 9, processes)
        processes[1].kill()
        _, error = processes[0].communicate(timeout=2 * PATIENCE)
        assert processes[0].returncode != 0
        assert "another task died" in error, error
    folder = tmp_path / "checkpoints"
    last = max(int(path.name) for path in folder.iterdir() if path.name.isdigit())
    with two(tmp_path, steps=last + 4) as processes:
        ends = [process.communicate(timeout=200) for process in processes]
        assert [process.returncode for process in processes] == [0, 0], ends
    assert f"resuming after step {last}" in ends[0][0]
    assert_like_one_process(tmp_path, last + 4)


def test_a_failure_in_one_of_several_is_told_and_ends_it_at_once(monkeypatch, capfd):
    monkeypatch.setattr(hosts.os, "_exit", sys.exit)
    with pytest.raises(ZeroDivisionError), hosts.one_for_all():
        1 / 0  # noqa: B018
    assert capfd.readouterr().err == ""
    monkeypatch.setattr(hosts.jax, "process_count", lambda: 2)
    for error, told in (
        (UserError("record 3 is damaged"), "process 0: record 3 is damaged\n"),
        (KeyboardInterrupt(), "process 0: interrupted; the same command begins again\n"),
        (ZeroDivisionError(), "Traceback"),
        (jax.errors.JaxRuntimeError("socket closed"), "process 0: socket closed; unless another"),
    ):
        with pytest.raises(SystemExit, match="1"), hosts.one_for_all():
            raise error
        assert told in capfd.readouterr().err


@pytest.mark.parametrize("how", ["two", "1/2", "x/2@a:1", "0/2@a"])
def test_other_forms_are_errors(how):
    with pytest.raises(UserError, match="must be 'one', 'cluster' or INDEX/COUNT@ADDRESS:PORT"):
        hosts.connect(how)


def test_processes_are_counted_from_0():
    with pytest.raises(UserError, match="counted from 0 to 1"):
        hosts.connect("2/2@127.0.0.1:1")


def test_the_environment_says_what_the_flag_does_not(monkeypatch):
    monkeypatch.setenv(hosts.VARIABLE, "three")
    with pytest.raises(UserError, match="three"):
        hosts.connect()
    hosts.connect("one")


def test_a_job_of_several_processes_is_joined_or_dies(monkeypatch):
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "1")
    hosts.connect()
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "2")
    with pytest.raises(UserError, match="the run's other processes are not known"):
        hosts.connect()


def test_who_waits_in_vain_says_so():
    program = "from albert_jax.training import hosts; hosts.ARRIVAL = 2; hosts.connect()"
    environment = os.environ | {hosts.VARIABLE: f"1/2@127.0.0.1:{free_port()}"}
    finished = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    assert finished.returncode == 1
    assert "not all processes came together within 2 s" in finished.stderr
    assert finished.stderr.count("\n") == 1


def test_counting_may_take_longer_than_an_arrival(monkeypatch):
    """100 million tokens take minutes, on a slow host more than five."""
    waited = {}

    def barrier(key, timeout_ms):
        waited[key] = timeout_ms / 1000

    monkeypatch.setattr(hosts.multihost, "get_barrier_sync_fn", lambda: barrier)
    monkeypatch.setattr(cooccurrence, "embeddings", lambda text, *size: np.ones(size[:2]))
    config = tiny.get_config()
    config.training.embeddings = "counted"
    run = pretraining(config, None)
    params = parameter_shapes(run, AlbertForPretraining(run.model))
    zeros = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), params)
    beginning(run, SimpleNamespace(train=None), None)(zeros)
    assert waited == {"albert-jax/the counts": hosts.COUNTING} and hosts.COUNTING > 1000


def test_a_process_that_does_not_come_is_told(monkeypatch):
    def barrier(**_):
        raise RuntimeError("deadline exceeded")

    monkeypatch.setattr(hosts.multihost, "get_barrier_sync_fn", lambda: barrier)
    with pytest.raises(
        UserError, match=f"not all processes came to 'save' within {hosts.ARRIVAL} s"
    ):
        hosts.wait("save")
