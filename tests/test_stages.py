"""Rows of two shapes in one run: the position leads back to either side of the boundary."""

import json
import os
import signal

import numpy as np
import pytest

from albert_jax.commands.config import ADDED
from albert_jax.commands.load import load
from albert_jax.data.batch_config import recommended
from albert_jax.data.stages import StagedBatches, stages
from albert_jax.errors import UserError
from albert_jax.training import tracking
from tests import runs
from tests.commands import run
from tests.speeches import speeches
from tests.test_resume import has_logged, metrics, stop_at

CONFIG = recommended(8, 64, shards=2, workers=0, block_tokens=1024)
EARLIER = ((3, 16, 32, 5, 4), (2, 4, 16, 3, 2))
SHAPES = [(16, 32)] * 3 + [(4, 16)] * 2 + [(8, 64)] * 4


def open_batches(**process):
    documents, symbols = speeches()
    return StagedBatches(documents[:12], CONFIG, EARLIER, symbols, **process)


def collect(batches, steps):
    return [batches.take(step) for step in steps]


def assert_same(found, expected):
    for one, two in zip(found, expected, strict=True):
        for name in two:
            np.testing.assert_array_equal(one[name], two[name], err_msg=name)


@pytest.fixture(scope="module")
def undisturbed():
    """The batches of 9 steps."""
    return collect(open_batches(), range(1, 10))


def test_every_step_has_the_rows_of_its_stage(undisturbed):
    assert [batch["tokens"].shape for batch in undisturbed] == SHAPES
    assert [batch["mlm_targets"].shape[1] for batch in undisturbed[2:6]] == [5, 3, 3, 10]
    first, other = undisturbed[0]["tokens"][0], undisturbed[5]["tokens"][0]
    assert not np.array_equal(first, other[: len(first)])  # an order of its own


@pytest.mark.parametrize("at", range(9))
def test_a_run_goes_on_from_any_step(at, undisturbed):
    before = open_batches()
    collect(before, range(1, at + 1))
    after = open_batches()
    after.set_state(json.loads(json.dumps(before.state())))
    assert_same(collect(after, range(at + 1, 10)), undisturbed[at:])


def test_two_processes_share_every_stage_out(undisturbed):
    found = [collect(open_batches(process_index=i, process_count=2), range(1, 10)) for i in (0, 1)]
    joined = [
        {name: np.concatenate([one[name], two[name]]) for name in one}
        for one, two in zip(*found, strict=True)
    ]
    assert_same(joined, undisturbed)


def test_one_process_goes_on_for_two(undisturbed):
    states = {}
    for index in (0, 1):
        batches = open_batches(process_index=index, process_count=2)
        collect(batches, range(1, 5))
        states |= batches.state()
    one = open_batches()
    one.set_state(states)
    assert_same(collect(one, range(5, 10)), undisturbed[4:])


def test_going_back_over_a_boundary_reads_on_in_both_stages(undisturbed):
    """As a rewind does: the same steps again, with other text, also after a kill in between."""
    longer = recommended(16, 32, shards=2, workers=0, block_tokens=512, seed=1, predictions=5)
    batches = open_batches()
    collect(batches, range(1, 5))
    assert batches.stage(2).rows.length == longer.length
    again = collect(batches, (2, 3, 4))
    assert not np.array_equal(again[0]["tokens"], undisturbed[1]["tokens"])
    killed = open_batches()
    collect(killed, range(1, 5))
    resumed = open_batches()
    resumed.set_state(killed.state())
    assert_same(collect(resumed, (2, 3, 4)), again)


def test_without_stages_a_position_is_what_it_was():
    documents, symbols = speeches()
    batches = StagedBatches(documents[:12], CONFIG, (), symbols)
    collect(batches, (1, 2))
    assert list(batches.state()) == ["0", "1"]


@pytest.mark.parametrize(
    ("earlier", "message"),
    [
        (((0, 8, 32, 5, 4),), "number 0: 0 updates"),
        (((3, 8, 32, 5, 4), (1, 7, 32, 5, 4)), "number 1: data.batch_size 7 is no multiple"),
        (((3, 8, 4, 5, 4),), "number 0: data.length is 4"),
    ],
)
def test_impossible_stages_are_errors(earlier, message):
    with pytest.raises(UserError, match=f"training.stages, {message}"):
        stages(CONFIG, earlier)


STAGES = "--config.training.stages=((14,16,16,3,4),)"
RUN = "--config=tests/tiny.py:steps=24,save=4"


def test_killed_in_either_stage_it_logs_the_same_losses(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    finished = run(*runs.pretrain(whole, STAGES, config=RUN))
    assert (finished.status, finished.err) == (0, "")
    assert "16 rows of 16, 16 a device up to step 14\n8 rows of 32" in finished.out
    command = runs.pretrain(killed, STAGES, config=RUN)
    for moment in (has_logged(11), has_logged(19)):
        status, _, _ = stop_at(moment, command, killed, os.kill, signal.SIGKILL)
        assert status == -signal.SIGKILL
    finished = run(*command)
    assert (finished.status, finished.err) == (0, "")
    assert metrics(killed) == metrics(whole)
    tokens = [line["tokens"] for line in tracking.read(whole) if line["kind"] == "train"]
    assert max(np.diff(tokens)) <= 256 and len(tokens) == 24


def test_a_run_from_before_there_were_such_settings_goes_on(tmp_path):
    """And is a checkpoint like others; one that would change its stages does not go on."""
    command = runs.pretrain(tmp_path, config="--config=tests/tiny.py:steps=2")
    assert run(*command).status == 0
    path = tmp_path / "config.json"
    content = json.loads(path.read_text())
    for section, _, name in (key.partition(".") for key in ADDED):
        del content["config"][section][name]
    path.write_text(json.dumps(content))
    assert load(tmp_path).config.num_layers == 2
    finished = run(*command, "--config.training.steps=3")
    assert "resuming after step 2" in finished.out
    refused = run(*command, STAGES)
    assert refused.status == 1 and "training.stages [] -> [[14, 16, 16, 3, 4]]" in refused.err
