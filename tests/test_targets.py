"""What an explanation is of, for every kind of head that can be explained."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from albert_jax.analysis.targets import target
from albert_jax.model.tasks import AlbertForTask
from tests.models import random_model

LENGTH = 10
TYPES = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 1], np.int32)  # the second text is at 4 to 8


def batch(seed=0):
    rng = np.random.default_rng(seed)
    return {
        "tokens": rng.integers(5, 38, (1, LENGTH)).astype(np.int32),
        "token_types": TYPES[None],
        "positions": np.arange(LENGTH, dtype=np.int32)[None],
        "example_ids": np.ones((1, LENGTH), np.int32),
        "cls_positions": np.zeros((1, 1), np.int32),
    }


def network(kind, size):
    """A model with random parameters, what it says of a batch, and the inputs of its first block."""
    config = random_model().config
    module = AlbertForTask(config, kind, size)
    shapes = jax.eval_shape(module.init, jax.random.key(0), batch())["params"]
    rng = np.random.default_rng(1)
    params = jax.tree.map(lambda x: rng.normal(0, 0.5, x.shape).astype(np.float32), shapes)
    variables = {"params": params}
    outputs = jax.device_get(jax.jit(module.apply)(variables, batch()))
    embed = jax.jit(lambda v, b: module.apply(v, b, method=lambda m, b: m.albert.embed(b)))
    return module, params, outputs, embed(variables, batch())


def score(found, x):
    return float(jax.jit(found.score)(x, batch())[0])


def test_a_class_against_the_runner_up():
    module, params, outputs, x = network("sequence", 3)
    logits = outputs[0, 0]
    order = np.argsort(-logits)
    found = target(module, params, [logits], ["a", "b", "c"])
    assert found.what == f"{'abc'[order[0]]} rather than {'abc'[order[1]]}, in logits"
    assert (found.item, found.part, found.span) == (0, 0, None)
    assert score(found, x) == pytest.approx(logits[order[0]] - logits[order[1]], rel=1e-4)


def test_a_score_and_an_option():
    module, params, outputs, x = network("sequence", 1)
    found = target(module, params, [outputs[0, 0]])
    assert found.what == "the score" and score(found, x) == pytest.approx(
        outputs[0, 0, 0], rel=1e-4
    )
    module, params, outputs, x = network("choice", 1)
    found = target(module, params, [np.array([0.1, 0.7, 0.5])])
    assert (found.part, found.what) == (1, "the score of option 2 of 3")
    assert score(found, x) == pytest.approx(outputs[0, 0, 0], rel=1e-4)


def test_a_span_where_the_task_has_read_it():
    module, params, outputs, x = network("span", 2)
    found = target(module, params, [outputs[0]] * 3, place=(1, 6, 7))
    assert (found.item, found.part, found.span) == (1, 0, (6, 7))
    ends = np.asarray(jax.nn.log_softmax(jnp.asarray(outputs[0]), axis=0))
    assert score(found, x) == pytest.approx(ends[6, 0] + ends[7, 1], rel=1e-4)


def test_no_answer_of_a_span_head_is_cls_where_it_is_least():
    module, params, outputs, x = network("span", 2)
    sure, unsure = np.ones((LENGTH, 2), np.float32), np.zeros((LENGTH, 2), np.float32)
    found = target(module, params, [sure, unsure])
    assert (found.item, found.span, found.what) == (1, None, "log-probability of no answer")
    ends = np.asarray(jax.nn.log_softmax(jnp.asarray(outputs[0]), axis=0))
    assert score(found, x) == pytest.approx(ends[0].sum(), rel=1e-4)


def test_a_beam():
    module, params, outputs, x = network("beam", 1)
    (beam,) = [outputs._make(values[0, 0] for values in outputs)]
    spans = {
        (int(start), int(end)): float(beam.start_scores[k] + beam.end_scores[k, j])
        for k, start in enumerate(beam.starts)
        for j, end in enumerate(beam.ends[k])
        if 4 <= start <= end <= 8
    }
    for (start, end), wanted in spans.items():
        found = target(module, params, [beam], place=(0, start, end))
        assert found.span == (start, end)
        assert score(found, x) == pytest.approx(wanted, rel=1e-3)
    silent = target(module, params, [beam])
    assert silent.span is None and silent.what == "the logit for no answer"
    assert score(silent, x) == pytest.approx(float(beam.no_answer), rel=1e-3)
