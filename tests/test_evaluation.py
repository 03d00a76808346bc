"""Every held-out prediction counts once, and the guesses they are compared with."""

import jax
import numpy as np
import pytest

from albert_jax.training import losses
from albert_jax.training.evaluation import baselines, evaluate
from albert_jax.training.sharding import make_mesh, replicated
from tests.batches import random_batch

WHOLE = random_batch(rows=19)
TABLES = {
    "mlm": np.random.default_rng(1).normal(size=(50, 50)).astype(np.float32),
    "sentence": np.random.default_rng(2).normal(size=(50, 2)).astype(np.float32),
}


@jax.jit
def step(params, batch):
    """A model of one table for each objective: the token at a position predicts what is asked."""

    def logits(name, positions):
        return params[name][jax.numpy.take_along_axis(batch["tokens"], batch[positions], axis=1)]

    predicted = logits("mlm", "mlm_positions"), logits("sentence", "cls_positions")
    return losses.pretraining_sums(predicted, batch), losses.weights(batch)


def cut(batch: dict, rows: int) -> list[dict]:
    """Batches of `rows`, the last one filled up with empty rows."""
    total = len(batch["tokens"])
    return [
        {
            name: np.pad(part := array[start : start + rows], [(0, rows - len(part)), (0, 0)])
            for name, array in batch.items()
        }
        for start in range(0, total, rows)
    ]


def test_every_prediction_counts_once():
    """19 rows at once on one device, and in batches of 8 of which the last is short, on eight."""
    expected = evaluate(step, TABLES, [WHOLE], make_mesh(jax.devices()[:1]))
    batches = cut(WHOLE, 8)
    assert [batch["mlm_weights"].any(axis=1).sum() for batch in batches] == [8, 8, 3]
    params, mesh = jax.device_put(TABLES, replicated(make_mesh())), make_mesh()
    with jax.transfer_guard("disallow"):
        values = evaluate(step, params, batches, mesh)
    assert values == pytest.approx(expected, rel=1e-6)
    assert values.keys() == {
        "mlm_loss", "mlm_accuracy", "sentence_loss", "sentence_accuracy"
    }  # fmt: skip
    assert all(isinstance(value, float) and value > 0 for value in values.values())


def test_baselines_are_the_shares_of_the_commonest():
    """By hand: pieces 7, 7, 9 of which the first two are right; labels 1, 1, 0."""
    first = {
        "mlm_targets": np.array([[7, 9, 7], [7, 0, 0]]),
        "mlm_weights": np.array([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0]]),
        "sentence_labels": np.array([[1], [1]]),
        "sentence_weights": np.array([[1.0], [1.0]]),
    }
    second = {
        "mlm_targets": np.array([[5, 7, 7]]),
        "mlm_weights": np.array([[1.0, 0.0, 0.0]]),
        "sentence_labels": np.array([[0]]),
        "sentence_weights": np.array([[1.0]]),
    }
    values = baselines([first, second], frequent=7)
    assert values == {"mlm_baseline": 2 / 4, "sentence_baseline": pytest.approx(2 / 3)}


def test_padding_does_not_help_a_guess():
    padded = cut(random_batch(rows=3), 8)
    assert baselines(padded, 6) == baselines([random_batch(rows=3)], 6)


def test_without_pairs_there_is_nothing_to_guess():
    batch = WHOLE | {"sentence_weights": np.zeros_like(WHOLE["sentence_weights"])}
    assert baselines([batch], 6)["sentence_baseline"] == 0.0
    assert baselines([], 6) == {"mlm_baseline": 0.0, "sentence_baseline": 0.0}
