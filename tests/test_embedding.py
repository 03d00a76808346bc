"""Vectors of texts: the head without parameters, its two losses, windows of long texts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from albert_jax.model.tasks import AlbertForTask
from albert_jax.tasks.embedding import Embedding
from albert_jax.training.objectives import TEMPERATURE, objective
from tests.models import hidden, telling_model

LENGTHS = [5, 3, 4, 7, 2]


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def rows(examples, slots):
    """Rows of lists of examples, each an array of tokens, as a batch."""
    shape = (len(examples), 12)
    batch = {k: np.zeros(shape, np.int32) for k in ("tokens", "positions", "example_ids")}
    batch["cls_positions"] = np.zeros((len(examples), slots), np.int32)
    for row, group in enumerate(examples):
        start = 0
        for slot, tokens in enumerate(group):
            own = slice(start, start + len(tokens))
            batch["tokens"][row, own] = tokens
            batch["positions"][row, own] = range(len(tokens))
            batch["example_ids"][row, own] = slot + 1
            batch["cls_positions"][row, slot] = start
            start += len(tokens)
    return batch | {"token_types": np.zeros(shape, np.int32)}


@pytest.fixture(scope="module")
def model():
    return telling_model()


@pytest.fixture(scope="module")
def texts():
    rng = np.random.default_rng(3)
    return [rng.integers(5, 38, length) for length in LENGTHS]


def embed(model, batch):
    head = AlbertForTask(model.config, "embedding", 1)
    return np.asarray(jax.jit(head.apply)({"params": model.params}, batch))


def test_the_head_is_the_mean_of_the_hidden_states_of_length_one(model, texts):
    batch = rows([[text] for text in texts], 1)
    states = hidden(model, batch)
    means = [x[:length].mean(axis=0) for x, length in zip(states, LENGTHS, strict=True)]
    np.testing.assert_allclose(embed(model, batch)[:, 0], unit(np.stack(means)), atol=1e-6)


def test_packing_changes_nothing_and_empty_places_are_zero(model, texts):
    alone = embed(model, rows([[text] for text in texts], 1))[:, 0]
    assert np.abs(alone @ alone.T - np.eye(len(texts))).max() < 0.9
    packed = embed(model, rows([texts[:3], texts[3:]], 4))
    np.testing.assert_allclose(packed[[0, 0, 0, 1, 1], [0, 1, 2, 0, 1]], alone, atol=1e-6)
    assert not packed[0, 3].any() and not packed[1, 2:].any()


def test_the_head_has_no_parameters(model, texts):
    head = AlbertForTask(model.config, "embedding", 1)
    params = jax.eval_shape(head.init, jax.random.key(0), rows([texts[:2]], 2))["params"]
    assert list(params) == ["albert"] and "pooler" not in params["albert"]


def test_a_long_text_is_read_in_windows_of_equal_length(model):
    task, vocabulary = Embedding(model.vocabulary, 12), model.vocabulary
    for text, sizes in [("", [0]), ("the cat", None), ("the cat sat. " * 9, None)]:
        ids, items = vocabulary.encode(text), task.items(text)
        found = [item.parts[0].tokens.tolist() for item in items]
        assert [id for tokens in found for id in tokens[1:-1]] == ids
        lengths = [len(tokens) for tokens in found]
        assert max(lengths) <= 12 and max(lengths) - min(lengths) <= 1
        assert len(found) == max(1, -(-len(ids) // 10)) and sizes in (None, [len(ids)])
        assert all((t[0], t[-1]) == (vocabulary.cls_id, vocabulary.sep_id) for t in found)


def test_the_vector_of_windows_points_where_their_mean_does(model):
    vectors = unit(np.array([[1.0, 0, 0], [0.6, 0.8, 0], [0, 0.6, 0.8]]))
    found = Embedding(model.vocabulary, 12).decode("", [vector[None] for vector in vectors])
    np.testing.assert_allclose(found, unit(vectors.sum(axis=0)), atol=1e-7)


def batch_of(sides, labels, weights=None):
    """Vectors [E, 2, D] as outputs and batch, every third place of a row unused."""
    count = len(sides)
    weights = np.ones(count, np.float32) if weights is None else np.array(weights, np.float32)
    items = np.full((count, 3), -1, np.int32)
    items[:, [0, 2]] = np.stack([np.arange(count), np.roll(np.arange(count), 1)], axis=1)
    parts = np.tile(np.array([0, -1, 1], np.int32), (count, 1))
    outputs = np.full((count, 3, sides.shape[-1]), 9.0, np.float32)
    outputs[:, 0], outputs[:, 2] = sides[:, 0], np.roll(sides[:, 1], 1, axis=0)
    batch = {"items": items, "parts": parts, "labels": np.array(labels), "weights": weights}
    return jnp.asarray(outputs), jax.tree.map(jnp.asarray, batch)


def sums(*arguments, **options):
    outputs, batch = batch_of(*arguments, **options)
    return {k: float(v) for k, v in objective("embedding", 1).sums(outputs, batch).items()}


@pytest.fixture(scope="module")
def sides():
    """So near to each other that none is without weight in a loss."""
    noise = np.random.default_rng(0).normal(size=(4, 2, 3))
    return unit(1 + 0.3 * noise).astype(np.float32)


def cross_entropy(scores, right):
    return np.log(np.exp(scores).sum()) - scores[right]


def test_pairs_pick_each_other_out_of_all_strangers(sides):
    scores = sides[:, 0] @ sides[:, 1].T / TEMPERATURE
    each = [(cross_entropy(scores[i], i) + cross_entropy(scores[:, i], i)) / 2 for i in range(4)]
    got = sums(sides, [0, 1, 2, 3])
    assert got["task_loss"] == pytest.approx(sum(each), rel=1e-5)
    assert got["task_accuracy"] == (scores.argmax(axis=1) == np.arange(4)).sum()


def test_pairs_that_share_a_text_are_no_negatives(sides):
    scores = sides[:, 0] @ sides[:, 1].T / TEMPERATURE
    scores[0, 2] = scores[2, 0] = -np.inf
    each = [(cross_entropy(scores[i], i) + cross_entropy(scores[:, i], i)) / 2 for i in range(4)]
    assert sums(sides, [7, 1, 7, 3])["task_loss"] == pytest.approx(sum(each), rel=1e-5)


@pytest.mark.parametrize("labels", [[0, 1, 2, 3], [0.0, 1.0, 2.0, 3.0]])
def test_items_that_are_not_there_count_for_nothing(sides, labels):
    fewer = sums(sides[:3], labels[:3])
    padded = sums(sides, labels, weights=[1, 1, 1, 0])
    assert padded == pytest.approx(fewer, rel=1e-6)


def test_graded_pairs_are_put_in_order(sides):
    grades = np.array([0.5, 4.0, 4.0, 2.0], np.float32)
    cosines = (sides[:, 0] * sides[:, 1]).sum(-1)
    wrong = [
        np.exp((cosines[j] - cosines[i]) / TEMPERATURE)
        for i in range(4)
        for j in range(4)
        if grades[i] > grades[j]
    ]
    assert len(wrong) == 5
    expected = np.log(1 + sum(wrong)) * 4
    assert sums(sides, grades) == {"task_loss": pytest.approx(expected, rel=1e-5)}
    assert sums(sides, grades * 20 - 7) == sums(sides, grades)


@pytest.mark.parametrize("labels", [[0, 1, 0, 3], [0.0, 1.0, 2.0, 3.0]])
def test_gradients_are_finite_where_nothing_is(model, texts, labels):
    """Empty places have vectors of length zero."""
    batch = rows([texts[:2], texts[2:4], texts[4:], texts[:1]], 3) | {
        "items": np.array([[0, 0, -1], [1, 1, -1], [2, -1, -1], [2, -1, -1]], np.int32),
        "parts": np.array([[0, 1, 0], [1, 0, 0], [1, 0, 0], [0, 0, 0]], np.int32),
        "labels": np.array(labels),
        "weights": np.array([1, 1, 1, 0], np.float32),
    }
    head = AlbertForTask(model.config, "embedding", 1)

    def loss(params):
        outputs = head.apply({"params": params}, batch)
        return objective("embedding", 1).sums(outputs, jax.tree.map(jnp.asarray, batch))[
            "task_loss"
        ]

    gradient = jax.tree.leaves(jax.jit(jax.grad(loss))(model.params))
    assert all(np.isfinite(x).all() for x in gradient)
    assert max(np.abs(x).max() for x in gradient) > 0.1
