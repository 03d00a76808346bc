"""Integrated gradients where the integral is known, and on a model."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from albert_jax.analysis.attribution import MOST, integrated_gradients
from albert_jax.model.tasks import AlbertForTask
from tests.models import random_model

X = np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 0.0]], np.float32)
BASELINE = np.array([[0.0, 1.0], [3.0, -1.0], [0.0, 2.0]], np.float32)


def test_of_a_linear_score_every_token_gets_its_weighted_step():
    weights = np.array([[1.0, 2.0], [5.0, 5.0], [-1.0, 0.5]], np.float32)
    found = integrated_gradients(lambda x: (x * weights[None]).sum((1, 2)), X, BASELINE)
    np.testing.assert_allclose(found.tokens, [1 + 2, 0, -0.5 - 1], rtol=1e-6)
    assert (found.score, found.baseline) == pytest.approx((1 + 4 + 15 - 5 - 0.5, 2 + 15 - 5 + 1))
    assert found.difference == pytest.approx(1.5) and found.error < 1e-6


def test_of_a_sum_of_squares_every_token_gets_the_difference_of_its_own():
    found = integrated_gradients(lambda x: jnp.square(x).sum((1, 2)), X, BASELINE)
    np.testing.assert_allclose(found.tokens, [5 - 1, 0, 0.25 - 4], rtol=1e-5)


def test_points_are_added_until_the_sum_is_right():
    """A step in the middle of the path, which few points miss."""
    found = integrated_gradients(
        lambda x: jax.nn.sigmoid(300 * (x[:, 0].sum(1) - 2.7)), X, BASELINE
    )
    assert found.points > 16 and found.error <= 0.01
    assert found.tokens.sum() == pytest.approx(1, abs=0.01)


def test_what_cancels_is_no_error():
    found = integrated_gradients(lambda x: x[:, 0, 0] - 2 * x[:, 2, 0], X, BASELINE)
    np.testing.assert_allclose(found.tokens, [1, 0, -1], rtol=1e-6)
    assert found.difference == 0 and found.points == 16


def test_an_integral_that_does_not_converge_is_said_to_be_wrong():
    found = integrated_gradients(lambda x: jnp.floor(2 * x.sum((1, 2))), X, BASELINE)  # gradient 0
    assert found.points == MOST and found.error == pytest.approx(1)


@pytest.mark.parametrize(("kind", "size"), [("sequence", 3), ("span", 2)])
def test_attributions_of_a_model_add_up(kind, size):
    length, pretrained = 12, random_model(head=kind, classes=size)
    model, variables = AlbertForTask(pretrained.config, kind, size), {"params": pretrained.params}
    batch = {
        "tokens": np.arange(5, 5 + length, dtype=np.int32)[None],
        "token_types": np.zeros((1, length), np.int32),
        "positions": np.arange(length, dtype=np.int32)[None],
        "example_ids": np.ones((1, length), np.int32),
        "cls_positions": np.zeros((1, 1), np.int32),
    }

    @jax.jit
    def embed(tokens):
        return model.apply(
            variables, batch | {"tokens": tokens}, method=lambda m, b: m.albert.embed(b)
        )[0]

    def score(x):
        rows = {name: jnp.repeat(value, len(x), axis=0) for name, value in batch.items()}
        logits = model.apply(variables, x, rows, method="answer")
        if kind == "sequence":
            return logits[:, 0, 2] - logits[:, 0, 0]
        return jax.nn.log_softmax(logits, axis=1)[:, 3, 0]

    masked = batch["tokens"].copy()
    masked[0, 2:] = 4
    found = integrated_gradients(score, embed(batch["tokens"]), embed(masked))
    assert found.error <= 0.01
    assert not found.tokens[:2].any() and np.abs(found.tokens[2:]).min() > 0
    np.testing.assert_allclose(found.score, score(embed(batch["tokens"])[None])[0], rtol=1e-5)
