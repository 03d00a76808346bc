"""A run that meets a NaN stops, or goes back and past it; one that is asked to stop saves."""

import functools
import itertools
import os
import signal

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from albert_jax.commands import pretrain
from albert_jax.data.stages import StagedBatches
from albert_jax.training import tracking
from albert_jax.training.checkpoint import restore_params
from albert_jax.training.preemption import STOPPED
from tests import runs
from tests.commands import call, run

CONFIG = "--config=tests/tiny.py:steps=24,save=5"


@pytest.fixture
def poison(monkeypatch):
    """poison(numbers): the batches of these numbers, counted over rewinds, make the loss a NaN."""
    monkeypatch.setattr(pretrain, "make_train_step", compiled_once(pretrain.make_train_step))
    monkeypatch.setattr(pretrain, "make_held_out_step", compiled_once(pretrain.make_held_out_step))

    def poison(numbers):
        class Poisoned(StagedBatches):
            given = 0

            def take(self, step):
                batch = super().take(step)
                self.given += 1
                if self.given in numbers:
                    batch["mlm_weights"] = batch["mlm_weights"] * np.float32("nan")
                return batch

        monkeypatch.setattr(pretrain, "StagedBatches", Poisoned)

    return poison


_steps = {}


def compiled_once(make):
    """The runs of this file have the same model and optimizer, hence the same programs."""
    return functools.wraps(make)(lambda *args: _steps.setdefault(make.__name__, make(*args)))


def test_one_bad_batch_is_left_out(poison, tmp_path, capsys, record_property):
    poison({13})
    call(*runs.pretrain(tmp_path, "--config.training.on_failure=rewind", config=CONFIG))
    assert "step 13: loss nan" in (out := capsys.readouterr().out)
    assert "back to step 10, past the data in between" in out
    lines = tracking.read(tmp_path)
    assert [line["step"] for line in lines if line["kind"] == "train"] == list(range(1, 25))
    assert all(np.isfinite(line["loss"]) for line in lines if line["kind"] == "train")
    poison(set())
    call(*runs.pretrain(tmp_path / "other", config=CONFIG))
    losses, other = (_losses(workdir) for workdir in (tmp_path, tmp_path / "other"))
    assert losses[:10] == other[:10] and losses[10:] != other[10:]
    record_property(
        "a batch whose loss is a NaN", "1 | back to the checkpoint, past the data; went on"
    )


def _losses(workdir):
    return [line["loss"] for line in tracking.read(workdir) if line["kind"] == "train"]


def test_it_gives_up_on_what_stays_bad(poison, tmp_path, capsys, record_property):
    poison(range(13, 1000))
    flags = ["--config.training.on_failure=rewind"]
    with pytest.raises(SystemExit) as ended:
        call(*runs.pretrain(tmp_path, *flags, config=CONFIG))
    line = str(ended.value)
    assert line.startswith("albert-jax: the run diverged at step 11: loss nan")
    assert "also after 3 rewinds; lower schedule.learning_rate" in line
    assert capsys.readouterr().out.count("back to step 10") == 3
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["10", "5"]
    record_property(
        "batches that stay bad", "1 | one line after 3 ways back; its checkpoints are whole"
    )


INJURIES = {  # what a bad gradient does: to the metrics, to the parameters; at which step; what is said
    "finite loss": (("grad_norm", jnp.inf), jnp.nan, 13, "gradient norm inf: back to step 10"),
    "finite spike": (("loss", 3.0), 9.0, 23, "times the recent median: back to step 20"),
}


@pytest.mark.parametrize("kind", INJURIES)
def test_a_bad_gradient_is_left_out(kind, poison, tmp_path, monkeypatch, capsys, record_property):
    """The update is as bad as the gradient; going back undoes it."""
    poison(set())
    (name, factor), scale, number, said = INJURIES[kind]
    make, count = pretrain.make_train_step, itertools.count(1)

    def injured(step, state, batch):
        state, metrics = step(state, batch)
        if next(count) != number:
            return state, metrics
        with jax.transfer_guard("allow"):
            params = jax.tree.map(lambda leaf: leaf * scale, state.params)
            return state.replace(params=params), metrics | {name: metrics[name] * factor}

    monkeypatch.setattr(
        pretrain, "make_train_step", lambda *args: functools.partial(injured, make(*args))
    )
    flags = ["--config.training.on_failure=rewind", "--config.training.spike=2.0"]
    call(*runs.pretrain(tmp_path, *flags, config=CONFIG))
    assert f"{said}, past the data in between" in capsys.readouterr().out
    losses = _losses(tmp_path)
    assert len(losses) == 24 and max(losses[10:]) < losses[0]
    record_property(f"a bad gradient: {kind}", "1 | back to the checkpoint, past the data; went on")


def test_before_the_first_checkpoint_there_is_no_way_back(poison, tmp_path):
    poison({3})
    with pytest.raises(SystemExit, match=r"diverged at step 3: .*, before its first checkpoint"):
        call(*runs.pretrain(tmp_path, "--config.training.on_failure=rewind", config=CONFIG))


def test_it_stops_with_a_line_and_its_checkpoints_are_whole(poison, tmp_path):
    poison({13})
    with pytest.raises(SystemExit) as ended:
        call(*runs.pretrain(tmp_path, config=CONFIG))
    line = str(ended.value)
    assert line.startswith("albert-jax: the run diverged at step 13: loss nan")
    assert "lower schedule.learning_rate, or skip the data with training.on_failure=rewind" in line
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["10", "5"]
    assert restore_params(tmp_path / "checkpoints")


@pytest.mark.slow  # compiles for another learning rate
def test_far_too_high_a_learning_rate_leaves_one_line(tmp_path):
    flags = ["--config.schedule.learning_rate=1e30", "--config.checkpoint.save_every=1"]
    status, _, err = run(*runs.pretrain(tmp_path, *flags))
    assert status == 1
    assert err.startswith("albert-jax: the run diverged at step ") and err.count("\n") == 1
    assert restore_params(tmp_path / "checkpoints")


def test_asked_to_stop_before_the_first_line_it_saves(poison, tmp_path, monkeypatch, capsys):
    poison(set())

    class Stopping(StagedBatches):
        def take(self, step):
            os.kill(os.getpid(), signal.SIGTERM)
            return super().take(step)

    monkeypatch.setattr(pretrain, "StagedBatches", Stopping)
    with pytest.raises(SystemExit, match=str(STOPPED)):
        call(*runs.pretrain(tmp_path, "--config.training.log_every=10", config=CONFIG))
    assert "stopped by SIGTERM after step 1, saved" in capsys.readouterr().out
    assert (tmp_path / "checkpoints" / "1").exists()
    assert tracking.read(tmp_path) == []
