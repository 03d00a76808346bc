"""Parameters that fit are taken over, those that can be made to fit are, and the rest is named."""

import dataclasses

import jax
import numpy as np
import pytest

from albert_jax.errors import UserError
from albert_jax.model.albert import AlbertForPretraining, abstract_batch
from albert_jax.model.config import AlbertConfig
from albert_jax.model.encoder import Encoder
from albert_jax.training.warmstart import warm_start, with_embeddings_scaled, with_tokens

CONFIG = AlbertConfig(
    vocab_size=50, embedding_size=8, hidden_size=16, num_layers=2, num_heads=2, ffn_size=32,
    max_positions=30, dtype="float32",
)  # fmt: skip
QUERY = ("albert", "encoder", "attention", "query", "kernel")


def parameters(seed: int = 0, **changes) -> dict:
    """Random parameters in the shapes of a model."""
    model = AlbertForPretraining(dataclasses.replace(CONFIG, **changes))
    shapes = jax.eval_shape(model.init, jax.random.key(0), abstract_batch(1, 8, 2, 1))["params"]
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda x: rng.normal(size=x.shape).astype(np.float32), shapes)


def leaf(params: dict, path: tuple[str, ...]) -> np.ndarray:
    for name in path:
        params = params[name]
    return params


def equal(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


def test_shared_layers_do_not_know_their_number():
    source = parameters(1)
    params, notes = warm_start(parameters(2, num_layers=12), source)
    equal(params, source)
    assert notes == []


def test_only_shapes_are_asked_of_the_new_model():
    """Its values may be spread over several hosts, where none can read them."""
    source = parameters(1)
    shapes = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), parameters(2))
    equal(warm_start(shapes, source)[0], source)


def test_a_deeper_shared_network_is_the_shallow_one_run_longer():
    source = parameters(1)
    deeper = dataclasses.replace(CONFIG, num_layers=4)
    params, _ = warm_start(parameters(2, num_layers=4), source)
    x = jax.random.normal(jax.random.key(0), (2, 6, 16))
    ids = np.ones((2, 6), np.int32)

    def run(config, params, x):
        return jax.jit(Encoder(config).apply, static_argnums=3)(
            {"params": params["albert"]["encoder"]}, x, ids, True
        )[0]

    twice = run(CONFIG, source, run(CONFIG, source, x))
    np.testing.assert_allclose(run(deeper, params, x), twice, atol=1e-5)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [(3, 6, [0, 0, 1, 1, 2, 2]), (2, 5, [0, 0, 0, 1, 1]), (6, 3, [0, 2, 4])],
)
def test_stacked_layers_are_spread_over_the_new_ones(before, after, expected):
    source = parameters(1, num_layers=before, sharing="none")
    params, notes = warm_start(parameters(2, num_layers=after, sharing="none"), source)
    equal(leaf(params, QUERY), leaf(source, QUERY)[expected])
    equal(params["mlm"], source["mlm"])
    assert f"{'/'.join(QUERY)}: layers {expected} of the checkpoint" in notes
    assert len(notes) == len(jax.tree.leaves(source["albert"]["encoder"]))


def test_a_shared_layer_becomes_many():
    source = parameters(1)
    params, notes = warm_start(parameters(2, num_layers=3, sharing="none"), source)
    equal(leaf(params, QUERY), np.stack([leaf(source, QUERY)] * 3))
    assert f"{'/'.join(QUERY)}: the shared layer, 3 times" in notes


def test_one_part_alone_may_become_many():
    source = parameters(1)
    params, _ = warm_start(parameters(2, num_layers=3, sharing="attention"), source)
    equal(params["albert"]["encoder"]["attention"], source["albert"]["encoder"]["attention"])
    kernel = ("albert", "encoder", "ffn", "output", "kernel")
    equal(leaf(params, kernel), np.stack([leaf(source, kernel)] * 3))


@pytest.mark.parametrize(
    ("positions", "note"),
    [
        (20, "the first 20 of 30 positions"),
        (70, "the 30 positions over and over, until there are 70"),
    ],
)
def test_positions_are_cut_or_repeated(positions, note):
    source = parameters(1)
    params, notes = warm_start(parameters(2, max_positions=positions), source)
    path = ("albert", "embeddings", "positions")
    equal(leaf(params, path), np.tile(leaf(source, path), (3, 1))[:positions])
    assert notes == [f"albert/embeddings/positions: {note}"]


def test_what_the_checkpoint_lacks_stays_and_is_named():
    source, fresh = parameters(1), parameters(2)
    del source["sentence"]
    params, notes = warm_start(fresh, source)
    equal(params["sentence"], fresh["sentence"])
    equal(params["albert"], source["albert"])
    assert sorted(notes) == [
        f"sentence/classifier/{name}: not in the checkpoint, stays as initialised"
        for name in ("bias", "kernel")
    ]


def test_what_is_left_over_is_named():
    source = parameters(1) | {"span": {"bias": np.zeros(2, np.float32)}}
    _, notes = warm_start(parameters(2), source)
    assert notes == ["span/bias: in the checkpoint, not in this model"]


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        (dict(vocab_size=60), "albert/embeddings/tokens"),
        (dict(ffn_size=64), "albert/encoder/ffn/intermediate/bias"),
        (dict(embedding_size=4), "albert/embeddings/norm/bias"),
    ],
)
def test_what_cannot_fit_is_named(changes, name):
    with pytest.raises(UserError, match=rf"^the checkpoint's {name} has shape \[") as error:
        warm_start(parameters(2, **changes), parameters(1))
    assert "\n" not in str(error.value)


def test_groups_become_the_layers_that_they_stand_for():
    source = parameters(1, num_layers=4, num_groups=2)
    params, notes = warm_start(parameters(2, num_layers=4, sharing="none"), source)
    equal(leaf(params, QUERY), leaf(source, QUERY)[[0, 0, 1, 1]])
    assert f"{'/'.join(QUERY)}: layers [0, 0, 1, 1] of the checkpoint" in notes


def test_token_embeddings_alone_come_from_elsewhere():
    vectors = np.zeros((CONFIG.vocab_size, CONFIG.embedding_size), np.float32)
    vectors[:40, 3] = 1
    fresh = parameters(1)
    params = with_tokens(vectors, 0.5, fresh)
    tokens = params["albert"]["embeddings"].pop("tokens")
    before = fresh["albert"]["embeddings"].pop("tokens")
    np.testing.assert_array_equal(tokens[40:], before[40:])
    np.testing.assert_array_equal(tokens[:40], vectors[:40] / 2)
    equal(params, fresh)


def test_embeddings_and_their_projection_begin_with_another_deviation():
    fresh = parameters(1)
    params = with_embeddings_scaled(1.5, fresh)
    scaled, before = params["albert"].pop("embeddings"), fresh["albert"].pop("embeddings")
    equal(scaled.pop("norm"), before.pop("norm"))
    equal(scaled, jax.tree.map(lambda leaf: 1.5 * leaf, before))
    assert set(scaled) == {"tokens", "positions", "types", "projection"}
    equal(params, fresh)
