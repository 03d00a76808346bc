"""Losses of fine-tuning against a loop over items, and the same whatever the packing."""

from functools import partial

import jax
import numpy as np
import pytest

from albert_jax.model.tasks import AlbertForTask
from albert_jax.tasks.rows import Layout, training_batch
from albert_jax.tasks.task import Head
from albert_jax.training import losses
from albert_jax.training.config import StepConfig
from albert_jax.training.objectives import objective
from albert_jax.training.step import gradient
from tests.models import random_model
from tests.test_task_rows import random_items

PACKED, ALONE = Layout(24, 8, 0), Layout(24, 1, 0)
HEADS = {
    "classes": Head("sequence", ("a", "b", "c")),
    "score": Head("sequence"),
    "choice": Head("choice"),
    "token": Head("token", ("O", "B", "I")),
    "span": Head("span"),
}
CONFIG = random_model(num_layers=1, classifier_dropout=0.0).config


def items(name, count=10):
    """Items with labels for a head; their tokens are in the vocabulary."""
    rng = np.random.default_rng(3)
    made = []
    for number, item in enumerate(random_items(count, 3 if name == "choice" else 1)):
        parts = tuple(part._replace(tokens=part.tokens % 37 + 1) for part in item.parts)
        length = len(parts[0].tokens)
        label = {
            "classes": number % 3,
            "score": float(rng.normal()),
            "choice": number % 3,
            "token": np.where(np.arange(length) % 2, np.arange(length) % 3, -1),
            "span": (0, 0) if number == 4 else tuple(sorted(rng.integers(0, length, 2).tolist())),
        }[name]
        if number == 0:  # one answer is right
            label = {"choice": best(name, parts), "span": best(name, parts)}.get(name, label)
        made.append(item._replace(parts=parts, label=label))
    made[-1] = made[-1]._replace(label=None)  # one that nobody knows
    return made


def table(name):
    """What the random model says of a token, [40, size]: the same in every packing."""
    return np.random.default_rng(1).normal(size=(40, HEADS[name].size)).astype(np.float32)


def best(name, parts):
    """The option or the span that it takes."""
    if name == "choice":
        return int(np.argmax([table(name)[part.tokens[1]] for part in parts]))
    return tuple(table(name)[parts[0].tokens].argmax(axis=0).tolist())


def outputs(name, batch):
    """Random outputs of a head."""
    if HEADS[name].kind in ("sequence", "choice"):  # of a packed part: by its second token
        second = np.take_along_axis(batch["tokens"], batch["cls_positions"] + 1, axis=1)
        return table(name)[second]
    return table(name)[batch["tokens"]]


def entropy(logits, label):
    logits = np.asarray(logits, np.float64)
    return np.log(np.exp(logits).sum()) - logits[label]


def by_hand(name, items):
    """(loss, correct, weight), summed over the items that have a label."""
    loss = correct = weight = 0.0
    for item in items:
        if item.label is None:
            continue
        of_parts = [table(name)[part.tokens[1]] for part in item.parts]
        each = table(name)[item.parts[0].tokens]
        if name == "score":
            pairs = []
            loss += (of_parts[0][0] - item.label) ** 2
        elif name == "token":
            pairs = [(each[i], c) for i, c in enumerate(item.label) if c >= 0]
        elif name == "span":
            pairs = [(each[:, 0], item.label[0]), (each[:, 1], item.label[1])]
        else:
            pairs = [(of_parts[0] if name == "classes" else [p[0] for p in of_parts], item.label)]
        hits = [np.argmax(logits) == label for logits, label in pairs]
        losses = [entropy(logits, label) for logits, label in pairs]
        loss += sum(losses) / 2 if name == "span" else sum(losses)
        correct += all(hits) if name == "span" else sum(hits)
        weight += len(pairs) if name == "token" else 1
    return loss, correct, weight


@pytest.mark.parametrize("layout", [PACKED, ALONE], ids=["packed", "alone"])
@pytest.mark.parametrize("name", HEADS)
def test_sums_are_those_of_a_loop_over_items(name, layout):
    head, made = HEADS[name], items(name)
    batch = training_batch(made, head, layout)
    of_head = objective(head.kind, head.size)
    with jax.debug_nans(True):
        sums, gradients = jax.jit(
            lambda x, b: (
                of_head.sums(x, b),
                jax.grad(lambda y: of_head.sums(y, b)["task_loss"])(x),
            )
        )(outputs(name, batch), batch)
    loss, correct, weight = by_hand(name, made)
    np.testing.assert_allclose(sums["task_loss"], loss, rtol=1e-5)
    np.testing.assert_allclose(of_head.weights(batch)["task"], weight)
    assert np.abs(gradients).sum() > 0
    if name != "score":
        assert sums["task_accuracy"] == correct
        assert 0 < correct < weight


@pytest.mark.parametrize("name", ["choice", "token", "span"])
def test_packing_and_microbatches_change_no_gradient(name):
    """Through the whole model, in float32, without dropout."""
    head, made = HEADS[name], items(name, 12)
    model = AlbertForTask(CONFIG, head.kind, head.size)
    of_head = objective(head.kind, head.size)
    params = parameters(model, training_batch(made, head, PACKED))

    def grads(layout, parts):
        batch = training_batch(made, head, layout, parts)
        step = partial(gradient, model, of_head, StepConfig(microbatches=parts), 0.0)
        found, sums, _ = jax.jit(step)(params, batch, jax.random.key(0))
        return found, losses.total(sums, of_head.weights(batch))

    same = partial(np.testing.assert_allclose, rtol=1e-4, atol=2e-6)
    jax.tree.map(same, grads(PACKED, 3), grads(ALONE, 1))


def parameters(model, batch):
    """Random ones, without compiling an initialisation."""
    shapes = jax.eval_shape(model.init, jax.random.key(0), batch)["params"]
    rng = np.random.default_rng(5)
    return jax.tree.map(lambda x: rng.normal(0, 0.3, x.shape).astype(np.float32), shapes)


def test_an_option_more_or_less_is_no_matter():
    """Items of two, three and one options beside each other."""
    made = items("choice", 4)
    made = [item._replace(parts=item.parts[: 1 + i % 3], label=0) for i, item in enumerate(made)]
    made = [item for item in made if item.label is not None]
    batch = training_batch(made, HEADS["choice"], PACKED)
    of_head = objective("choice", 1)
    sums = jax.jit(of_head.sums)(outputs("choice", batch), batch)
    np.testing.assert_allclose(sums["task_loss"], by_hand("choice", made)[0], rtol=1e-5)


def test_heads_have_the_parameters_of_the_formats_we_read():
    """A span head or a tagger has no pooler, as in transformers."""
    for name, head in HEADS.items():
        batch = training_batch(items(name), head, PACKED)
        shapes = jax.eval_shape(
            AlbertForTask(CONFIG, head.kind, head.size).init, jax.random.key(0), batch
        )["params"]
        assert shapes.keys() == {"albert", "classifier"}
        dense = shapes["classifier"]["classifier"]
        assert dense["kernel"].shape == (CONFIG.hidden_size, head.size)
        assert ("pooler" in shapes["albert"]) == (head.kind in ("sequence", "choice"))
        assert shapes["albert"].keys() >= {"embeddings", "encoder"}
