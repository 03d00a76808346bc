"""Checkpoints through damage and sudden death: what comes back is what went in, or says so."""

import errno
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
import pytest
from flax import struct
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from albert_jax.errors import UserError
from albert_jax.training import note
from albert_jax.training.checkpoint import CheckpointConfig, Checkpoints, restore_params


class Moments(NamedTuple):
    m: dict


class State(struct.PyTreeNode):
    step: jax.Array
    params: dict
    opt_state: Moments
    average: dict | None


def replicated():
    mesh = jax.make_mesh((len(jax.devices()),), ("data",), axis_types=(AxisType.Auto,))
    return NamedSharding(mesh, PartitionSpec())


def make(step, width=16):
    """A state whose every number depends on `step`; a constant leaf too, as LayerNorms begin."""
    rng = np.random.default_rng(step)
    kernel, m = rng.normal(size=(2, 32, width)).astype(np.float32)
    params = {"dense": {"kernel": kernel, "scale": np.ones(64, np.float32)}}
    state = State(np.int32(step), params, Moments({"dense": m}), None)
    return jax.device_put(state, replicated())


def abstract(state):
    return jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding), state
    )


def opened(folder, **config):
    return Checkpoints(folder, CheckpointConfig(**{"keep_best": 0, **config}))


def saved(folder, steps, **config):
    checkpoints = opened(folder, **config)
    for step in steps:
        checkpoints.save(step, make(step), {"next_index": 10 * step})
    checkpoints.close()


def restored(folder, **how):
    """The step that comes back, after checking that all of it is as it was saved."""
    checkpoints = opened(folder)
    step, state, data_state = checkpoints.restore(abstract(make(0)), **how)
    checkpoints.close()
    assert data_state == {"next_index": 10 * step}
    jax.tree.map(np.testing.assert_array_equal, state, make(step))
    return step


def steps_in(folder):
    return sorted(int(name) for name in os.listdir(folder) if name.isdigit())


def largest_file(folder):
    return max((p for p in folder.rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


@pytest.mark.parametrize("asynchronous", [True, False])
def test_what_was_saved_comes_back_with_its_types_and_sharding(tmp_path, asynchronous):
    assert opened(tmp_path / "c").restore(abstract(make(0))) is None
    saved(tmp_path / "c", [3, 7], asynchronous=asynchronous)
    assert restored(tmp_path / "c") == 7
    assert restored(tmp_path / "c", step=3) == 3
    with pytest.raises(UserError, match="there is no checkpoint 5 in"):
        restored(tmp_path / "c", step=5)
    _, state, _ = opened(tmp_path / "c").restore(abstract(make(0)))
    assert isinstance(state, State) and isinstance(state.opt_state, Moments)
    assert state.params["dense"]["kernel"].sharding == replicated()


def test_nothing_crosses_to_the_host_unasked_and_the_state_may_be_donated(tmp_path):
    checkpoints = opened(tmp_path)
    double = jax.jit(lambda s: jax.tree.map(lambda x: x * 2, s), donate_argnums=0)
    state = make(5)
    with jax.transfer_guard("disallow"):
        checkpoints.save(5, state, {"next_index": 50})
        double(state)
        checkpoints.close()
    assert restored(tmp_path) == 5


def test_saving_a_step_twice_is_saving_it_once(tmp_path):
    checkpoints = opened(tmp_path)
    checkpoints.save(4, make(4), {"next_index": 40})
    checkpoints.save(4, make(4), {"next_index": 40})
    checkpoints.close()
    assert restored(tmp_path) == 4


def test_the_last_and_the_best_are_kept_across_restarts(tmp_path):
    scores = {1: 0.5, 2: 0.9, 3: None, 4: 0.1, 5: 0.2, 6: None, 7: 0.3}
    for step, score in scores.items():
        checkpoints = opened(tmp_path, keep_last=2, keep_best=2)
        metrics = None if score is None else {"mlm_accuracy": np.float32(score)}
        checkpoints.save(step, make(step), {}, metrics)
        checkpoints.close()
    assert steps_in(tmp_path) == [1, 2, 6, 7]
    best = restore_params(tmp_path, "best")["dense"]["kernel"]
    np.testing.assert_array_equal(best, make(2).params["dense"]["kernel"])


def test_of_a_loss_the_least_is_best(tmp_path):
    checkpoints = opened(tmp_path, keep_last=1, keep_best=1, metric="mlm_loss")
    for step, loss in enumerate([5.0, 2.0, 3.0, 4.0]):
        checkpoints.save(step, make(step), {}, {"mlm_loss": loss, "other": -step})
    checkpoints.close()
    assert steps_in(tmp_path) == [1, 3]


def test_a_metric_that_is_not_measured_is_named(tmp_path):
    with pytest.raises(UserError, match=r"checkpoint\.metric is 'f1'; choose one of a, b"):
        opened(tmp_path, metric="f1").save(1, make(1), {}, {"b": 1.0, "a": 2.0})


def test_params_come_back_without_knowing_their_shapes(tmp_path):
    saved(tmp_path / "c", [3, 7])
    for step, expected in ((None, 7), (7, 7), (3, 3)):
        params = restore_params(tmp_path / "c", step)
        assert isinstance(params["dense"]["kernel"], np.ndarray)
        jax.tree.map(np.testing.assert_array_equal, params, make(expected).params)
    for folder, step in ((tmp_path / "none", None), (tmp_path / "c", 5), (tmp_path / "c", "best")):
        with pytest.raises(UserError, match="there is no"):
            restore_params(folder, step)
    with pytest.raises(UserError, match="holds no 'average'"):
        restore_params(tmp_path / "c", part="average")


@pytest.mark.parametrize("damage", ["flipped", "truncated", "gone", "note"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path, capsys, damage):
    saved(tmp_path, [1, 2])
    victim = (
        tmp_path / "2/note/metadata" if damage == "note" else largest_file(tmp_path / "2/state/d")
    )
    if damage == "gone":
        victim.unlink()
    elif damage == "truncated":
        os.truncate(victim, victim.stat().st_size // 2)
    else:
        flip_a_bit(victim)

    params = restore_params(tmp_path)["dense"]["kernel"]
    np.testing.assert_array_equal(params, make(1).params["dense"]["kernel"])
    capsys.readouterr()
    assert restored(tmp_path) == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "albert-jax" in line]
    assert f"checkpoint 2 in {tmp_path} is damaged" in line and line.endswith("using 1 instead")
    saved(tmp_path, [2])  # the step is free again, and the damaged one is not lost
    assert restored(tmp_path) == 2 and (tmp_path / "damaged-2").exists()


def test_one_that_was_damaged_twice_is_kept_twice(tmp_path):
    for _ in range(2):
        saved(tmp_path, [1, 2])
        flip_a_bit(tmp_path / "2/note/metadata")
        assert restored(tmp_path) == 1
    assert {"damaged-2", "damaged-2.1"} <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize(
    "trouble",
    [
        OSError(errno.EMFILE, "Too many open files", "x"),
        ValueError("PERMISSION_DENIED: Error opening x"),
    ],
)
def test_what_cannot_be_read_now_is_not_damaged(tmp_path, monkeypatch, trouble):
    """Going back to the one before would lose what was learnt since."""
    saved(tmp_path, [1, 2])
    with monkeypatch.context() as patch:
        patch.setattr(
            ocp.CheckpointManager, "restore", lambda *_, **__: (_ for _ in ()).throw(trouble)
        )
        with pytest.raises(UserError, match=r"a checkpoint cannot be read .*run the same command"):
            restore_params(tmp_path)
    assert steps_in(tmp_path) == [1, 2]
    assert restored(tmp_path) == 2


def test_the_best_is_by_the_metric_that_the_run_has_now(tmp_path):
    for step, metric in ((1, "old"), (2, "new")):
        checkpoints = opened(tmp_path, metric=metric, keep_best=1)
        checkpoints.save(step, make(step), {}, {"old": -step, "new": -step})
        checkpoints.close()
    checkpoints = opened(tmp_path, metric="new", keep_best=1)
    checkpoints.save(3, make(3), {}, {"old": 9.0, "new": -9.0})
    checkpoints.close()
    params = restore_params(tmp_path, "best")
    np.testing.assert_array_equal(params["dense"]["kernel"], make(1).params["dense"]["kernel"])


def test_an_array_that_changed_under_valid_files_is_found(tmp_path):
    """Zeros in place of a constant: what a lost chunk reads as. Only the checksum can tell."""
    saved(tmp_path, [1])
    lost = make(2)
    lost.params["dense"]["scale"] = jnp.zeros_like(lost.params["dense"]["scale"])
    checkpoints = opened(tmp_path)
    checkpoints.save(2, lost, {})
    checkpoints.save(3, make(2), {"next_index": 20})
    checkpoints.close()
    shutil.rmtree(tmp_path / "3/state")
    shutil.move(tmp_path / "2/state", tmp_path / "3/state")
    shutil.rmtree(tmp_path / "2")
    assert restored(tmp_path) == 1


def test_if_nothing_can_be_read_it_says_so_and_touches_nothing(tmp_path):
    saved(tmp_path, [1, 2])
    for step in (1, 2):
        flip_a_bit(tmp_path / str(step) / "note/metadata")
    for _ in range(2):
        with pytest.raises(UserError, match=rf"checkpoint 1 in {tmp_path} .*no other can be read"):
            opened(tmp_path).restore(abstract(make(0)))
    assert steps_in(tmp_path) == [1, 2]


def test_another_model_is_an_error_not_damage(tmp_path):
    saved(tmp_path, [1])
    with pytest.raises(UserError, match=r"opt_state/m/dense is float32\[32, 16\], this run's is"):
        opened(tmp_path).restore(abstract(make(0, width=8)))
    with pytest.raises(UserError, match="average/a is absent"):
        opened(tmp_path).restore(abstract(make(0).replace(average={"a": jnp.ones(3)})))
    assert restored(tmp_path) == 1


SAVE_FOREVER = """
import sys
sys.path.insert(0, {root!r})
from tests.test_checkpoint import abstract, make, opened
checkpoints = opened({folder!r}, keep_last=2)
found = checkpoints.restore(abstract(make(0)))
step = found[0] if found else 0
while True:
    step += 1
    checkpoints.save(step, make(step), {{"next_index": 10 * step}})
    print(step - 1, flush=True)  # save waits for the one before: that one is complete
"""


def test_sigkill_while_saving_loses_no_complete_checkpoint(tmp_path):
    folder = tmp_path / "c"
    script = SAVE_FOREVER.format(root=str(Path(__file__).parents[1]), folder=str(folder))
    complete = 0
    for _ in range(2):
        process = subprocess.Popen(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        for line in process.stdout:
            if int(line) >= complete + 4:
                break
        os.kill(process.pid, signal.SIGKILL)
        acknowledged = max(int(number) for number in [line, *process.stdout.read().split()])
        process.wait()
        complete = restored(folder)
        assert complete >= acknowledged
        assert all(name.isdigit() for name in os.listdir(folder))


RESTORE = """
import sys
sys.path.insert(0, {root!r})
from tests.test_checkpoint import abstract, make, opened
assert opened({folder!r}).restore(abstract(make(0)))[0] == 1
"""


def test_damage_is_one_line_and_no_traceback(tmp_path):
    saved(tmp_path, [1, 2])
    victim = largest_file(tmp_path / "2/state/d")
    os.truncate(victim, victim.stat().st_size // 2)
    script = RESTORE.format(root=str(Path(__file__).parents[1]), folder=str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stderr.count("\n") == 1 and "is damaged" in done.stderr, done.stderr


@pytest.mark.parametrize("wrong", [{"save_every": 0}, {"keep_last": 0}, {"keep_best": -1}])
def test_a_wrong_value_is_named(wrong):
    with pytest.raises(UserError, match=f"checkpoint.{next(iter(wrong))} is"):
        CheckpointConfig(**wrong)


def test_data_states_of_several_processes_become_one():
    parts = [{"streams": {"0": 3}, "tokens": 7}, {"streams": {"1": 5}, "tokens": 7}]
    assert note._union(*parts) == {"streams": {"0": 3, "1": 5}, "tokens": 7}
    assert note.gather(parts[0]) == parts[0]
