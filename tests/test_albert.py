"""The whole model: padding and packing change nothing, precision is as promised."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from albert_jax.model.albert import Albert, AlbertForPretraining, abstract_batch
from albert_jax.model.config import AlbertConfig
from tests.batches import random_batch

CONFIG = AlbertConfig(
    vocab_size=50, embedding_size=8, hidden_size=16, num_layers=3, num_heads=2, ffn_size=32,
    max_positions=30, dtype="float32", initializer_range=0.3,
)  # fmt: skip
BATCH = random_batch()


def init(config, batch=BATCH):
    return jax.jit(AlbertForPretraining(config).init)(jax.random.key(0), batch)


@pytest.fixture(scope="module")
def params():
    return init(CONFIG)


def apply(params, batch, config=CONFIG):
    return jax.jit(AlbertForPretraining(config).apply)(params, batch)


def test_shapes(params):
    mlm, sentence = apply(params, BATCH)
    assert mlm.shape == (8, 5, 50) and sentence.shape == (8, 3, 2)
    hidden, pooled = Albert(CONFIG).apply({"params": params["params"]["albert"]}, BATCH)
    assert hidden.shape == (8, 24, 16) and pooled.shape == (8, 3, 16)


def test_abstract_batch_is_the_layout():
    shapes = abstract_batch(8, 24, 5, 3)
    assert shapes.keys() == BATCH.keys()
    assert all((shapes[k].shape, shapes[k].dtype) == (v.shape, v.dtype) for k, v in BATCH.items())


def test_what_stands_in_padding_changes_nothing_real(params):
    padding = BATCH["example_ids"] == 0
    noisy = BATCH | {"tokens": np.where(padding, 7, BATCH["tokens"])}
    for a, b in zip(apply(params, BATCH), apply(params, noisy), strict=True):
        used = np.r_[: a.shape[1] - 1]  # the last slot is unused
        np.testing.assert_array_equal(a[:, used], b[:, used])


def test_no_gradient_flows_between_packed_examples(params):
    """d (logits of example 1) / d (embedding of a token) is zero outside example 1 and not inside."""
    model = Albert(CONFIG)
    albert = params["params"]["albert"]
    x = jax.random.normal(jax.random.key(5), (8, 24, 16))
    ids = jnp.asarray(BATCH["example_ids"])

    def first_example(x):
        out, _ = model.bind({"params": albert}).encoder(x, ids, True)
        return jnp.where(ids[..., None] == 1, out, 0.0).var()

    reach = np.abs(jax.grad(first_example)(x)).sum(axis=-1) > 0
    np.testing.assert_array_equal(reach, BATCH["example_ids"] == 1)


def test_a_packed_example_reads_as_it_does_alone(params):
    row = {k: v[:1] for k, v in BATCH.items()}
    second = row["example_ids"][0] == 2
    width = second.sum()
    alone = {k: np.zeros_like(v) for k, v in row.items()}
    for name in ("tokens", "token_types", "positions"):
        alone[name][0, :width] = row[name][0, second]
    alone["example_ids"][0, :width] = 1
    albert = {"params": params["params"]["albert"]}
    packed, pooled = Albert(CONFIG).apply(albert, row)
    single, pooled_alone = Albert(CONFIG).apply(albert, alone)
    np.testing.assert_allclose(packed[0, second], single[0, :width], atol=1e-5)
    np.testing.assert_allclose(pooled[0, 1], pooled_alone[0, 0], atol=1e-5)


def test_logits_are_tied_to_the_token_table(params):
    table = params["params"]["albert"]["embeddings"]["tokens"]
    unused = 49
    assert not (BATCH["tokens"] == unused).all()
    changed = jax.tree.map(lambda x: x, params)
    changed["params"]["albert"]["embeddings"]["tokens"] = table.at[unused].multiply(3.0)
    plain = {**BATCH, "tokens": np.where(BATCH["tokens"] == unused, 6, BATCH["tokens"])}
    difference = np.abs(np.subtract(apply(params, plain)[0], apply(changed, plain)[0]))
    assert difference[..., unused].max() > 0.1 and difference[..., :unused].max() == 0


def test_a_token_outside_the_vocabulary_cannot_pass_for_another(params):
    wrong = BATCH | {"tokens": np.full_like(BATCH["tokens"], 50)}
    assert np.isnan(apply(params, wrong)[0]).all()


def test_bfloat16_keeps_parameters_and_logits_in_float32():
    config = dataclasses.replace(CONFIG, dtype="bfloat16")
    params = init(config)
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype("float32")}
    for low, high in zip(apply(params, BATCH, config), apply(params, BATCH), strict=True):
        assert low.dtype == jnp.float32
        np.testing.assert_allclose(low, high, atol=0.1)
        assert np.abs(low - high).max() > 0  # it really computed in less


def test_fused_attention_agrees_with_plain(params):
    fused = dataclasses.replace(CONFIG, attention_kernel="fused")
    for a, b in zip(apply(params, BATCH), apply(params, BATCH, fused), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("activation", ["gelu_erf", "relu"])
def test_activations_differ(params, activation):
    other = apply(params, BATCH, dataclasses.replace(CONFIG, activation=activation))
    assert np.abs(other[0] - apply(params, BATCH)[0]).max() > 1e-4


def test_layers_start_with_the_embedding_and_end_with_the_output(params):
    albert = {"params": params["params"]["albert"]}
    layers = Albert(CONFIG).apply(albert, BATCH, method="layers")
    hidden, _ = Albert(CONFIG).apply(albert, BATCH)
    assert layers.shape == (4, 8, 24, 16)
    np.testing.assert_allclose(layers[-1], hidden, atol=1e-6)


def test_initial_deviation_is_tensorflows_truncated_normal():
    params = init(dataclasses.replace(CONFIG, initializer_range=0.02, ffn_size=4096))
    kernel = params["params"]["albert"]["encoder"]["ffn"]["output"]["kernel"]
    assert np.abs(kernel).max() <= 0.04
    assert float(kernel.std()) == pytest.approx(0.0176, rel=0.02)
