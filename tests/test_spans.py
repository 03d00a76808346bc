"""The head of spans by beam search, against its definition written out for one example at a time.

That it learns, tests/test_reading.py shows.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from albert_jax.model.spans import BeamHead
from albert_jax.model.tasks import AlbertForTask
from albert_jax.tasks.item import Item, Part
from albert_jax.tasks.rows import Layout, training_batch
from albert_jax.tasks.task import Head
from albert_jax.training.objectives import objective
from albert_jax.training.optimizer import OptimizerConfig, assign
from albert_jax.training.state import leaf_name
from tests.models import random_model

HIDDEN, WIDTH = 8, 5
CONFIG = random_model().config
LENGTHS = ((2, 6), (3, 9), (1, 5), (4, 12))  # of question and text
LABELS = ((4, 6), (0, 0), (3, 3), (9, 17))


def items(lengths=LENGTHS, labels=LABELS):
    rng, found = np.random.default_rng(1), []
    for (question, text), label in zip(lengths, labels, strict=True):
        types = np.repeat([0, 1], [question + 2, text + 1]).astype(np.int32)
        part = Part(rng.integers(5, 40, len(types)).astype(np.int32), types)
        found.append(Item((part,), label))
    return found


def batch_of(items, slots=3):
    batch = training_batch(items, Head("beam"), Layout(32, slots, 0))
    return {name: jnp.asarray(values) for name, values in batch.items()}


@pytest.fixture(scope="module")
def params():
    shapes = jax.eval_shape(BeamHead(CONFIG).init, jax.random.key(0), *inputs())["params"]
    rng = np.random.default_rng(0)
    return jax.tree.map(lambda x: rng.normal(0, 0.5, x.shape).astype(np.float32), shapes)


def inputs():
    batch = batch_of(items())
    rng = np.random.default_rng(2)
    x = rng.normal(size=(*batch["tokens"].shape, HIDDEN)).astype(np.float32)
    return jnp.asarray(x), batch


def examples(x, batch):
    """(row, slot, item, hidden states [l, D], which positions may be answers [l]) of each one."""
    for row, slot in zip(*np.nonzero(batch["items"] >= 0), strict=True):
        item = int(batch["items"][row, slot])
        question, text = LENGTHS[item]
        start = int(batch["cls_positions"][row, slot])
        allowed = np.array([1] + [0] * (question + 1) + [1] * text + [0], bool)
        yield row, slot, item, np.float64(x[row, start : start + len(allowed)]), allowed


def dense(params, name, x):
    return x @ params[name]["kernel"] + params[name].get("bias", 0)


def log_softmax(logits, allowed):
    logits = np.where(allowed, logits, -np.inf)
    return logits - np.log(np.exp(logits - logits.max()).sum()) - logits.max()


def ends(params, x, start, allowed):
    """log P(end | start), from each position and the start side by side."""
    both = np.concatenate([x, np.tile(x[start], (len(x), 1))], axis=1)
    kernel = np.concatenate([params["end_position"]["kernel"], params["end_start"]["kernel"]])
    hidden = np.tanh(both @ kernel + params["end_position"]["bias"])
    hidden = (hidden - hidden.mean(1, keepdims=True)) / hidden.std(1, keepdims=True)
    hidden = hidden * params["end_norm"]["scale"] + params["end_norm"]["bias"]
    return log_softmax(dense(params, "end", hidden)[:, 0], allowed)


def no_answer(params, x, starts):
    """The logit: the mean start and [CLS] side by side."""
    mean = np.exp(starts) @ x
    hidden = np.tanh(dense(params, "answer_hidden", np.concatenate([mean, x[0]])))
    return dense(params, "answer", hidden)[0]


def test_the_best_spans_are_those_of_the_definition(params):
    x, batch = inputs()
    beam = BeamHead(CONFIG).apply({"params": params}, x, batch)
    for row, slot, _, own, allowed in examples(x, batch):
        starts = log_softmax(dense(params, "start", own)[:, 0], allowed)
        best = np.argsort(-starts)[:WIDTH]
        np.testing.assert_array_equal(beam.starts[row, slot], best)
        np.testing.assert_allclose(beam.start_scores[row, slot], starts[best], atol=1e-5)
        for k, start in enumerate(best):
            scores = ends(params, own, start, allowed)
            best_ends = np.argsort(-scores)[:WIDTH]
            np.testing.assert_array_equal(beam.ends[row, slot, k], best_ends)
            np.testing.assert_allclose(beam.end_scores[row, slot, k], scores[best_ends], atol=1e-5)
        wanted = no_answer(params, own, starts)
        np.testing.assert_allclose(beam.no_answer[row, slot], wanted, atol=1e-5)


def test_its_layer_norm_and_biases_take_no_weight_decay(params):
    groups = jax.tree.leaves_with_path(assign(OptimizerConfig(name="adamw"), params))
    decays = {leaf_name(path) for path, group in groups if group.decay}
    assert decays == {leaf_name(path) for path, _ in groups if leaf_name(path).endswith("kernel")}


def test_the_loss_is_that_of_the_definition(params):
    """Half of start, of end and of there being no answer; the end is seen from the true start."""
    x, batch = inputs()
    x = jnp.asarray(x)
    starts = batch["cls_positions"] + jnp.take(jnp.array(LABELS)[:, 0], batch["items"])
    head = BeamHead(CONFIG.__class__(**vars(CONFIG) | {"classifier_dropout": 0.0}))
    scores = head.apply({"params": params}, x, batch, starts)
    sums = objective("beam", 1).sums(scores, batch)
    losses, correct = [], 0
    for _, _, item, own, allowed in examples(x, batch):
        start, end = LABELS[item]
        first = log_softmax(dense(params, "start", own)[:, 0], allowed)
        last = ends(params, own, start, allowed)
        logit = no_answer(params, own, first)
        wrong = np.log1p(np.exp(logit if end else -logit))
        losses.append(-(first[start] + last[end]) / 2 + wrong / 2)
        correct += first.argmax() == start and last.argmax() == end
    np.testing.assert_allclose(sums["task_loss"], sum(losses), rtol=1e-5)
    assert sums["task_accuracy"] == correct


def test_an_item_without_a_label_weighs_nothing(params):
    with_one, without = (batch_of(items(labels=(*LABELS[:3], last))) for last in ((9, 17), None))
    model = AlbertForTask(CONFIG, "beam", 1)
    variables = model.init(jax.random.key(0), with_one)
    outputs = model.apply(variables, without, False, rngs={"dropout": jax.random.key(1)})
    sums = objective("beam", 1).sums(outputs, without)
    outputs = model.apply(variables, with_one, False, rngs={"dropout": jax.random.key(1)})
    assert sums["task_loss"] < objective("beam", 1).sums(outputs, with_one)["task_loss"]
    assert objective("beam", 1).weights(without)["task"] == 3
