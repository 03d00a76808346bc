"""Sums against a transcription in numpy, and what makes them sums: nothing changes by regrouping."""

import jax
import numpy as np
import pytest

from albert_jax.training import losses
from tests.batches import random_batch

BATCH = random_batch()


def logits(batch, seed=0):
    rng = np.random.default_rng(seed)
    mlm = rng.normal(size=(*batch["mlm_targets"].shape, 50)).astype(np.float32)
    sentence = rng.normal(size=(*batch["sentence_labels"].shape, 2)).astype(np.float32)
    return mlm, sentence


@jax.jit
def means(logits, batch):
    sums, weights = losses.pretraining_sums(logits, batch), losses.weights(batch)
    return losses.means(sums, weights) | {"total": losses.total(sums, weights)}


def expected(logits, targets, weights):
    """Cross-entropy and accuracy of the predictions that count, one by one."""
    entropies, hits = [], []
    for place in np.argwhere(weights):
        row, target = logits[tuple(place)].astype(np.float64), targets[tuple(place)]
        entropies.append(np.log(np.exp(row).sum()) - row[target])
        hits.append(float(row[target] == row.max()))
    return np.sum(entropies), np.sum(hits)


def test_sums_are_those_of_numpy():
    mlm, sentence = logits(BATCH)
    sums = jax.jit(losses.pretraining_sums)((mlm, sentence), BATCH)
    for name, values, targets in (("mlm", mlm, "targets"), ("sentence", sentence, "labels")):
        weights = BATCH[f"{name}_weights"]
        loss, accuracy = expected(values, BATCH[f"{name}_{targets}"], weights)
        assert 0 < accuracy < weights.sum()
        np.testing.assert_allclose(sums[f"{name}_loss"], loss, rtol=1e-6)
        assert sums[f"{name}_accuracy"] == accuracy


def test_the_total_adds_both_means():
    values = means(logits(BATCH), BATCH)
    np.testing.assert_allclose(values["total"], values["mlm_loss"] + values["sentence_loss"])


def test_the_weights_are_counts():
    counts = losses.weights(BATCH)
    assert (counts["mlm"], counts["sentence"]) == (8 * 4, 8 * 2)


@pytest.mark.parametrize("objective", ["mlm", "sentence"])
def test_nothing_predicted_is_0_and_not_nan(objective):
    nothing = np.zeros_like(BATCH[f"{objective}_weights"])
    values = means(logits(BATCH), BATCH | {f"{objective}_weights": nothing})
    assert values[f"{objective}_loss"] == 0 == values[f"{objective}_accuracy"]
    assert np.isfinite(values["total"]) and values["total"] > 0


def test_packing_changes_nothing():
    """The second example of every row in a row of its own, with its predictions and its label."""
    mlm, sentence = logits(BATCH)
    at = np.take_along_axis(BATCH["example_ids"], BATCH["mlm_positions"], axis=1)
    rows = [BATCH | {"mlm_weights": BATCH["mlm_weights"] * (at == n)} for n in (1, 2)]
    for number, row in enumerate(rows):
        only = np.arange(BATCH["sentence_weights"].shape[1]) == number
        row["sentence_weights"] = BATCH["sentence_weights"] * only
    unpacked = {name: np.concatenate([row[name] for row in rows]) for name in BATCH}
    alone = means((np.tile(mlm, (2, 1, 1)), np.tile(sentence, (2, 1, 1))), unpacked)
    for name, value in means((mlm, sentence), BATCH).items():
        np.testing.assert_allclose(alone[name], value, rtol=1e-6)
