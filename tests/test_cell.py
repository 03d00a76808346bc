"""A cell's name says what determines its result, and nothing else."""

import dataclasses

import pytest
from etils import epath

from albert_jax.errors import UserError
from experiments.cell import Cell, decisive, settings

TINY = Cell(command="pretrain", config="tests/tiny.py")
TEXT = Cell(command="prepare", config="tests/tiny.py", overrides=(("corpus.source", "a/b=1"),))


def changed(*overrides, **fields) -> Cell:
    return dataclasses.replace(TINY, overrides=overrides, **fields)


@pytest.mark.parametrize(
    "other",
    [
        changed(config="tests/tiny.py:steps=4,layers=2"),  # the defaults, written out
        changed(("training.log_every", 7)),
        changed(("data.workers", 1)),
        changed(("corpus.records", "elsewhere")),
        changed(("model.scan_unroll", 2)),
        changed(("checkpoint.save_every", 3)),
    ],
)
def test_another_spelling_or_place_is_the_same_cell(other):
    assert other.identity == TINY.identity


@pytest.mark.parametrize(
    "other",
    [
        changed(("training.seed", 1)),
        changed(("data.seed", 1)),
        changed(("model.hidden_dropout", 0.2)),
        changed(config="tests/tiny.py:steps=5"),
        changed(text=TEXT),
        changed(init=TINY),
        changed(command="finetune"),
    ],
)
def test_another_result_is_another_cell(other):
    assert other.identity != TINY.identity


def test_a_text_is_its_name_not_its_folder():
    moved = dataclasses.replace(TEXT, overrides=(("corpus.source", "/c/d/b=1"),))
    other = dataclasses.replace(TEXT, overrides=(("corpus.source", "a/c=1"),))
    assert TEXT.identity == moved.identity != other.identity


def test_the_model_does_not_determine_a_text():
    layers = dataclasses.replace(TEXT, config="tests/tiny.py:layers=3")
    vocabulary = dataclasses.replace(TEXT, overrides=(*TEXT.overrides, ("model.vocab_size", 600)))
    assert layers.identity == TEXT.identity != vocabulary.identity


def test_names_stay_as_they_are():
    """Results are found by them; a change here loses the committed ones."""
    assert TINY.identity == "pretrain-e289f55daecf"


def test_a_new_setting_with_a_default_changes_no_name():
    values = settings("tests/tiny.py", ())
    del values["training"]["spike"]  # as if it did not exist yet
    assert decisive(values) == decisive(settings("tests/tiny.py", ()))


def test_overrides_of_one_cell_are_not_those_of_another():
    before = changed().settings["training"]["steps"]
    assert changed(("training.steps", 99)).settings["training"]["steps"] == 99
    assert settings("tests/tiny.py", ())["training"]["steps"] == before


def test_the_command_line():
    start = changed(text=TEXT)
    cell = changed(("training.seed", 1), init=start)
    root = epath.Path("gs://bucket/cells")
    assert start.words(root) == [
        "albert_jax",
        "pretrain",
        "--config=tests/tiny.py",
        f"--workdir=gs://bucket/cells/{start.identity}",
        f"--config.corpus.records=gs://bucket/cells/{TEXT.identity}/records",
    ]
    assert cell.words(root)[-2:] == [
        f"--init=gs://bucket/cells/{start.identity}",
        "--config.training.seed=1",
    ]


def test_the_command_line_of_a_measurement():
    model = changed(text=TEXT)
    own = Cell(command="objectives", config=model.config, init=model)
    cell = dataclasses.replace(own, text=TEXT)
    root = epath.Path("runs")
    assert cell.words(root) == [
        "experiments.measure",
        "objectives",
        f"--workdir=runs/{cell.identity}",
        f"--model=runs/{model.identity}",
        f"--records=runs/{TEXT.identity}/records",
    ]
    assert own.words(root)[3:] == cell.words(root)[3:-1]
    assert own.identity != cell.identity


@pytest.mark.parametrize(
    ("config", "overrides", "message"),
    [
        ("configs/none.py", (), "there is no config file configs/none.py"),
        ("tests/tiny.py", (("training.stepz", 3),), "tests/tiny.py has no setting training.stepz"),
        ("tests/tiny.py", (("train.steps", 3),), "tests/tiny.py has no setting train.steps"),
    ],
)
def test_what_is_wrong_is_named(config, overrides, message):
    with pytest.raises(UserError, match=message):
        settings(config, overrides)
