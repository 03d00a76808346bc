"""The update of every run of every table has its shapes: model, losses, gradient, optimizer, state."""

import json
from functools import partial

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from albert_jax.commands.config import finetuning, pretraining
from albert_jax.model.albert import AlbertForPretraining, abstract_batch
from albert_jax.model.config import AlbertConfig
from albert_jax.model.tasks import AlbertForTask
from albert_jax.tasks.item import Item, Part
from albert_jax.tasks.rows import Batch, Layout, training_batch
from albert_jax.tasks.table import family
from albert_jax.tasks.task import Head
from albert_jax.training import optimizer as optimizers
from albert_jax.training import state as states
from albert_jax.training.losses import PRETRAINING
from albert_jax.training.objectives import objective
from albert_jax.training.schedule import schedule
from albert_jax.training.sharding import make_mesh
from albert_jax.training.step import make_train_step
from experiments.cell import Cell
from experiments.scales import SCALES
from tests.models import random_model
from tests.test_experiments_table import every_cell

LABELS = {"choice": 2, "span": (3, 5), "beam": (3, 5)}


def check(run, model, objective, rate, batch):
    """The outputs of a model, in shapes; raises if its update does not fit together or changes the state."""
    outputs, variables = jax.eval_shape(model.init_with_output, jax.random.key(0), batch)
    optimizer = optimizers.make(run.optimizer, rate, variables["params"])
    state = jax.eval_shape(partial(states.create, model, optimizer, batch, run.training))
    clip_norm, mesh = run.optimizer.clip_norm, make_mesh(jax.devices()[:1])
    step = make_train_step(model, objective, optimizer, rate, run.training, clip_norm, mesh)
    after, metrics = jax.eval_shape(step, state, batch)
    assert jax.tree.map(shape, after) == jax.tree.map(shape, state)
    assert all(metric.shape == () for metric in metrics.values())
    return outputs


def shape(leaf) -> tuple:
    return leaf.shape, leaf.dtype


@pytest.mark.parametrize("scale", SCALES)
def test_every_model_that_is_pretrained(scale):
    cells = [cell for cell in every_cell(scale) if cell.command == "pretrain"]
    found = {json.dumps(cell.settings["model"]): cell for cell in cells}
    assert len(found) > 20
    for cell in found.values():
        run = pretraining(ConfigDict(cell.settings), None)
        rows, model = run.stages[0].rows, AlbertForPretraining(run.model)
        count = 2 * run.training.microbatches
        batch = abstract_batch(count, rows.length, rows.predictions, rows.examples_per_row)
        words, pairs = check(run, model, PRETRAINING, schedule(run.schedule), batch)
        assert words.shape == (count, rows.predictions, run.model.vocab_size)
        assert pairs.shape == (count, rows.examples_per_row, 2)


def test_every_model_of_the_paper_with_every_loss_of_a_task():
    vocabulary, found = random_model().vocabulary, {}
    for cell in every_cell("paper"):
        if cell.command == "finetune":
            run = finetuning(cell.settings)
            head = family(run.task.name)[1](run.task, vocabulary).head
            loss = objective(head.kind, head.size)
            found[run.model.of(pretrained(cell)), loss] = run, head
    assert len(found) > 50
    for (config, loss), (run, head) in found.items():
        model = AlbertForTask(config, head.kind, head.size)
        batch = items(head, run.task.length, run.training.microbatches)
        check(run, model, loss, schedule(run.schedule.over(10_000)), batch)


def pretrained(cell: Cell) -> AlbertConfig:
    """The encoder that a fine-tuning begins with, perhaps by way of another."""
    while cell.command != "pretrain":
        assert cell.init
        cell = cell.init
    return AlbertConfig(**cell.settings["model"])


def items(head: Head, length: int, microbatches: int) -> Batch:
    """Two items for each microbatch, of the longest rows."""
    part = Part(np.full(length, 7, np.int32), np.zeros(length, np.int32))
    label = LABELS.get(head.kind, 1 if head.labels else 0.5)
    item = Item((part,) * (4 if head.kind == "choice" else 1), label)
    return training_batch([item] * 2 * microbatches, head, Layout(length, 1, 0), microbatches)
