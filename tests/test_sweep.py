"""A sweep is a table of all combinations."""

import pytest

from albert_jax.errors import UserError
from experiments.scale import Model
from experiments.scales import SCALES
from experiments.sweep import check, table
from experiments.table import cells
from tests.test_comparison import CHOICE

PLAIN = SCALES["micro"].pretraining(Model(), 0, CHOICE).settings


def test_a_row_for_each_combination():
    found = table(
        ["emb:64,128", "share:all,none", "optimizer.weight_decay:0.0,0.1"], ["sst2"], PLAIN
    )
    assert len(found.rows) == 8
    assert found.rows[0].label == "emb = 64, share = all, optimizer.weight_decay = 0.0"
    assert found.rows[-1].model.share == "none" and found.rows[-1].model.emb == 128
    assert found.tasks == ("sst2",)
    for scale in SCALES.values():
        pretrained = [c for c in cells(found, scale, CHOICE) if c.command == "pretrain"]
        assert len({cell.identity for cell in pretrained}) == 8 * CHOICE.seeds
        assert {cell.settings["optimizer"]["weight_decay"] for cell in pretrained} == {0.0, 0.1}


def test_a_sweep_over_what_a_table_compares_runs_its_cells():
    from experiments.tables import TABLES

    micro, choice = SCALES["micro"], CHOICE._replace(tasks=())
    swept = {c.identity for c in cells(table(["emb:64,128,256,768"], [], PLAIN), micro, choice)}
    assert swept < {c.identity for c in cells(TABLES["table3"], micro, choice)}


def test_values_are_of_the_type_of_their_setting():
    rows = table(
        ["effort:2", "optimizer.weight_decay:0", "training.evaluate_every:9"], [], PLAIN
    ).rows
    settings = dict(rows[0].model.settings)
    assert repr(rows[0].model.effort) == "2.0"
    assert repr(settings) == "{'optimizer.weight_decay': 0.0, 'training.evaluate_every': 9}"


@pytest.mark.parametrize(
    ("over", "message"),
    [
        ("effort:abc", "--over=effort:abc must be a number"),
        ("dropout:0.1,x", "--over=dropout:x must be a number"),
        ("emb:64.5", "--over=emb:64.5 must be a whole number"),
        ("model.num_heads:abc", "--over=model.num_heads:abc must be a whole number"),
        ("optimizer.weight_decay:nan", "--over=optimizer.weight_decay:nan must be a number"),
        ("schedule.joined:1", "--over=schedule.joined:1 must be True or False"),
        ("model.layer:2", "--over=model.layer: the config has no such setting; correct the name"),
        (
            "training.seed:1,2",
            "--over=training.seed would not change all stages of a run; say --seeds=N",
        ),
        (
            "model.num_layers:2,8",
            "--over=model.num_layers would not change all stages of a run; say --over=layers:...",
        ),
        (
            "corpus.held_out:0.05,0.1",
            "--over=corpus.held_out is of the text, which is one for all; sweep each --text alone",
        ),
        (
            "training.stages:abc",
            "--over=training.stages: it is no single word or number; set it in a config file",
        ),
        ("preset.x:2", "--over=preset.x: the config has no such setting; correct the name"),
    ],
)
def test_a_value_of_another_type_is_named(over, message):
    with pytest.raises(UserError) as raised:
        table([over], [], PLAIN)
    assert str(raised.value) == message


def test_a_setting_has_its_values_at_once():
    with pytest.raises(
        UserError, match=r"^--over=emb is there twice; name all its values at once$"
    ):
        table(["emb:64", "share:all", "emb:128"], [], PLAIN)


@pytest.mark.parametrize(
    ("scale", "over", "message"),
    [
        (  # at this scale no run is longer than four times the usual
            "micro",
            "effort:1,2,8",
            "effort = 8.0 cannot run at the scale micro: it would have 1,000 updates, not 8,000; choose",
        ),
        (
            "micro",
            "emb:128,0",
            "emb = 128 and emb = 0 are the same run at the scale micro; leave one",
        ),
        (
            "micro",
            "effort:0",
            "effort = 0.0 cannot run at the scale micro: schedule.decay_steps is 0",
        ),
        (
            "micro",
            "data.length:32,128",
            "data.length = 128 cannot run at the scale micro: data.length is 128, more than model.max_pos",
        ),
        (
            "micro",
            "optimizer.name:lamb,x",
            "optimizer.name = x cannot run at the scale micro: optimi",
        ),
        (
            "paper",
            "hidden:1000",
            "hidden = 1000 cannot run at the scale paper: model.num_heads is 15",
        ),
        (
            "paper",
            "size:tiny",
            "size = tiny cannot run at the scale paper: config argument size=tiny",
        ),
    ],
)
def test_a_row_is_a_run_that_can_begin_and_is_what_it_is_called(scale, over, message):
    with pytest.raises(UserError, match=rf"^--over: {message}"):
        check(table([over], [], PLAIN), SCALES[scale], CHOICE)


@pytest.mark.parametrize(
    "over",
    ["schedule.learning_rate:0.0012,0.002", "data.batch_size:32,64", "data.length:64,32"],
)
def test_what_each_stage_has_of_its_own_is_changed_in_the_last(over):
    """So that a scale's own value is the scale's own run, and earlier stages are shared."""
    scale = SCALES["micro"]
    rows = table([over], [], PLAIN).rows
    same, other = (scale.pretraining(row.model, 0, CHOICE) for row in rows)
    plain = scale.pretraining(Model(), 0, CHOICE)
    assert same.identity == plain.identity != other.identity
    assert other.init.identity == plain.init.identity
    everywhere, *_ = table(["optimizer.weight_decay:0.1"], [], PLAIN).rows
    assert scale.pretraining(everywhere.model, 0, CHOICE).init.identity != plain.init.identity


def test_updates_are_shown_where_they_are_swept():
    assert "updates" in table(["effort:1,2"], [], PLAIN).columns
    assert "updates" not in table(["emb:64"], [], PLAIN).columns
