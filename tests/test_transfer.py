"""What goes over from a checkpoint to a task, and what a run fills in from data and task."""

import dataclasses

import pytest
from etils import epath

import albert_jax
from albert_jax.commands.config import finetuning
from albert_jax.commands.transfer import fits, open_task
from albert_jax.errors import UserError
from albert_jax.tasks.table import FAMILIES, family
from albert_jax.tasks.task import Head
from configs.finetune import get_config
from tests import tuning
from tests.models import random_model

SST2 = Head("sequence", ("0", "1"))


def run(**sections):
    """The small recipe for SST-2 with other values: section={key: value}."""
    values = get_config("task=sst2,size=small").to_dict()
    values["task"] |= {"length": 32, "data_dir": str(tuning.sst2())}
    for name, fields in sections.items():
        values[name] |= fields
    return finetuning(values)


def classifier(head, classes, labels):
    return dataclasses.replace(random_model(head=head, classes=classes), labels=labels)


@pytest.mark.parametrize(
    ("source", "wanted", "fit"),
    [
        (("sequence", 2, ("0", "1")), SST2, True),
        (("sequence", 2, ()), SST2, True),  # an original release has no names
        (("sequence", 2, ("LABEL_0", "LABEL_1")), SST2, True),  # nor has transformers, often
        (("sequence", 2, ("entailment", "not_entailment")), SST2, False),
        (("sequence", 2, ("1", "0")), SST2, False),
        (("sequence", 3, ("0", "1", "2")), SST2, False),
        (("token", 2, ("0", "1")), SST2, False),
        (("sequence", 1, ("LABEL_0",)), Head("sequence"), True),
        (("span", 2, ()), Head("span"), True),
        (("choice", 1, ()), Head("sequence"), False),
    ],
)
def test_a_head_goes_over_to_the_same_labels(source, wanted, fit):
    assert fits(wanted, classifier(*source)) == fit


def test_a_checkpoint_of_one_token_type_is_tuned_on_no_pairs(tmp_path):
    albert_jax.save(random_model(num_types=1), tmp_path / "one")
    values = get_config("task=mrpc,size=small").to_dict()
    values["task"]["length"] = 32
    with pytest.raises(UserError, match=r"^mrpc reads two texts, and the model has one token type"):
        open_task(finetuning(values), epath.Path(tmp_path / "one"), devices=1)


def test_a_run_knows_its_labels_metric_and_steps():
    start = open_task(run(), epath.Path(tuning.checkpoint()), devices=1)
    assert start.run.checkpoint.metric == "accuracy"
    assert start.steps == 4  # three epochs of 48 in batches of 32
    assert start.evaluate_every == 1
    said = start.settings()
    assert said["head"] == {"kind": "sequence", "labels": ("0", "1")}
    assert said["source"] == "checkpoint" and said["steps"] == start.steps
    assert said["encoder"]["hidden_dropout"] == 0.1 and said["encoder"]["hidden_size"] == 32


def test_settings_come_before_what_is_filled_in():
    given = run(training={"steps": 7, "evaluate_every": 3}, checkpoint={"metric": "f1"})
    start = open_task(given, epath.Path(tuning.checkpoint()), devices=1)
    assert (start.steps, start.evaluate_every) == (7, 3)
    assert start.run.checkpoint.metric == "f1"


def test_labels_of_the_users_own_table_are_kept(tmp_path):
    for name in ("train", "dev"):
        (tmp_path / f"{name}.tsv").write_text("label\ttext\nnone\tcat\nsome\tdog\n")
    values = get_config("task=text,size=small").to_dict()
    values["task"]["length"] = 32
    given = finetuning(values, str(tmp_path))
    start = open_task(given, epath.Path(tuning.checkpoint()), devices=1)
    assert start.run.task.labels == ("none", "some")
    assert start.settings()["task"]["labels"] == ("none", "some")


def test_a_task_that_there_is_not_is_named():
    with pytest.raises(UserError, match=r"^task 'sst3' is unknown; choose one of cola, sst2"):
        family("sst3")
    assert all(len(entry) == 2 for entry in FAMILIES.values())
