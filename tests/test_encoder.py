"""What sharing means: proved with gradients and with a plain loop over layers."""

import dataclasses
import itertools
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from albert_jax.model.config import AlbertConfig
from albert_jax.model.encoder import PARTS, Encoder

CONFIG = AlbertConfig(
    vocab_size=50, embedding_size=8, hidden_size=16, num_layers=4, num_heads=2, ffn_size=32, dtype="float32",
    initializer_range=0.3,
)  # fmt: skip
MODES = [
    dict(sharing="all"),
    dict(sharing="attention"),
    dict(sharing="ffn"),
    dict(sharing="none"),
    dict(num_groups=3),
    dict(num_groups=2, inner_layers=2),
    dict(sharing="attention", num_groups=2),
    dict(num_layers=1, sharing="none"),
]


@pytest.fixture
def inputs():
    x = jax.random.normal(jax.random.key(1), (2, 6, 16))
    ids = jnp.array([[1, 1, 1, 2, 2, 0], [1, 1, 1, 1, 1, 1]])
    return x, ids


def init(config, inputs):
    return jax.jit(Encoder(config).init, static_argnums=3)(jax.random.key(0), *inputs, True)[
        "params"
    ]


def loop(config, params, x, ids):
    """The stack as a reader would write it: one block after another, each with its parameters."""
    for block in range(config.num_blocks):
        for name, part in PARTS.items():
            copies, p = config.num_copies[name], params[name]
            copy = block if copies == config.num_blocks else config.shared_copy(block)
            p = p if copies == 1 else jax.tree.map(lambda leaf, c=copy: leaf[c], p)
            x = part(config).apply({"params": p}, x, ids, True)
    return x


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_scan_equals_a_plain_loop(mode, inputs):
    config = dataclasses.replace(CONFIG, **mode)
    params = init(config, inputs)
    out, _ = jax.jit(lambda p: Encoder(config).apply({"params": p}, *inputs, True))(params)
    np.testing.assert_allclose(out, loop(config, params, *inputs), atol=2e-6)


@pytest.mark.parametrize(("mode", "remat"), [(MODES[0], "full"), (MODES[1], "dots")], ids=str)
def test_remat_and_unrolling_change_no_value(mode, remat, inputs):
    config = dataclasses.replace(CONFIG, **mode)
    params = init(config, inputs)

    def grads(config):
        f = jax.grad(lambda p: Encoder(config).apply({"params": p}, *inputs, True)[0].var())
        return jax.jit(f)(params)

    other = dataclasses.replace(config, remat=remat, scan_unroll=4)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), grads(config), grads(other)
    )


def test_remat_really_computes_again(inputs):
    def saved(remat):
        config = dataclasses.replace(CONFIG, remat=remat)
        params = init(config, inputs)

        def f(params):
            return Encoder(config).apply({"params": params}, *inputs, True)[0].sum()

        return jax.jit(jax.grad(f)).lower(params).compile().cost_analysis()["flops"]

    assert saved("full") > 1.1 * saved("none")


def test_shared_gradient_is_the_sum_over_layers(inputs):
    """At equal weights, d loss / d shared = sum over layers of d loss / d own."""
    shared = init(CONFIG, inputs)
    own = jax.tree.map(lambda p: jnp.stack([p] * CONFIG.num_layers), shared)
    unshared = dataclasses.replace(CONFIG, sharing="none")

    def grads(config, params):
        f = jax.grad(lambda p: Encoder(config).apply({"params": p}, *inputs, True)[0].var())
        return jax.jit(f)(params)

    summed = jax.tree.map(lambda g: g.sum(axis=0), grads(unshared, own))
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), grads(CONFIG, shared), summed
    )


def test_dropout_masks_differ_between_layers(inputs):
    """The feed-forward halves are made the identity, so what a layer changes is its dropout alone."""
    config = dataclasses.replace(CONFIG, hidden_dropout=0.5)
    params = jax.tree.map(
        jnp.zeros_like, init(config, inputs)
    )  # every block: LayerNorm of x with scale 0
    params = jax.tree.map_with_path(_identity, params)
    rngs = {"dropout": jax.random.key(3)}
    _, layers = Encoder(config).apply({"params": params}, *inputs, False, True, rngs=rngs)
    zeros = [np.asarray(layer) for layer in np.diff(layers, axis=0)]
    assert all(np.abs(a - b).max() > 0.1 for a, b in itertools.combinations(zeros, 2))


def _identity(path, leaf):
    """Biases of the two outputs at 1: with dropout their contribution is the mask itself."""
    path = jax.tree_util.keystr(path)
    is_one = "scale" in path or ("output" in path and "bias" in path)
    return jnp.ones_like(leaf) if is_one else leaf


def test_every_layer_ends_with_the_output(inputs):
    params = init(CONFIG, inputs)
    out, layers = Encoder(CONFIG).apply({"params": params}, *inputs, True, True)
    assert layers.shape == (4, *out.shape)
    np.testing.assert_array_equal(layers[-1], out)


@pytest.mark.parametrize("sharing", ["all", "attention", "none"])
def test_compile_time_does_not_grow_with_depth(sharing, inputs):
    """The compiled program for 48 layers is as large as that for 12; time is noisy, so it gets slack."""

    def compiled(layers):
        config = dataclasses.replace(CONFIG, num_layers=layers, sharing=sharing, scan_unroll=1)
        params = jax.eval_shape(lambda: init(config, inputs))
        f = jax.grad(lambda p: Encoder(config).apply({"params": p}, *inputs, True)[0].sum())
        lowered = jax.jit(f).lower(params)
        start = time.perf_counter()
        lowered.compile()
        return len(lowered.as_text().splitlines()), time.perf_counter() - start

    (lines12, seconds12), (lines48, seconds48) = compiled(12), compiled(48)
    assert lines12 == lines48
    assert seconds48 < 2 * seconds12 + 0.5
