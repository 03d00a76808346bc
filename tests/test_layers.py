"""The one product everything is made of, and its derivative."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from albert_jax.model.layers import Dropout, product

SPECS = {
    "ni,io->no": ((24, 5), (5, 7)),
    "bme,ve->bmv": ((2, 3, 5), (11, 5)),
    "bhlk,bhmk->bhlm": ((2, 3, 4, 5), (2, 3, 6, 5)),
    "bhlm,bhmk->bhlk": ((2, 3, 4, 6), (2, 3, 6, 5)),
}


def operands(spec, dtype="float32"):
    keys = jax.random.split(jax.random.key(0), 3)
    a, b = (jax.random.normal(k, shape) for k, shape in zip(keys, SPECS[spec], strict=False))
    g = jax.random.normal(keys[2], jnp.einsum(spec, a, b).shape)
    return a.astype(dtype), b.astype(dtype), g


def gradients(multiply, a, b, g):
    return jax.jit(jax.grad(lambda a, b: (multiply(a, b) * g).sum(), argnums=(0, 1)))(a, b)


@pytest.mark.parametrize("spec", SPECS)
def test_in_float32_it_is_einsum_and_so_is_its_derivative(spec):
    a, b, g = operands(spec)
    np.testing.assert_array_equal(product(spec, a, b, "float32"), jnp.einsum(spec, a, b))
    ours = gradients(lambda a, b: product(spec, a, b, "float32"), a, b, g)
    theirs = gradients(lambda a, b: jnp.einsum(spec, a, b), a, b, g)
    for x, y in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(x, y, atol=1e-5)


@pytest.mark.parametrize("spec", SPECS)
def test_in_bfloat16_only_the_factors_are_rounded(spec):
    """Equal to a float32 product of rounded factors: the sums themselves are float32."""
    a, b, g = operands(spec)
    low = [x.astype("bfloat16").astype("float32") for x in (a, b, g)]
    out = product(spec, a, b, "bfloat16")
    assert out.dtype == jnp.float32
    np.testing.assert_allclose(out, jnp.einsum(spec, low[0], low[1]), atol=1e-5)
    ours = gradients(lambda a, b: product(spec, a, b, "bfloat16"), a, b, g)
    theirs = gradients(lambda a, b: jnp.einsum(spec, a, b), *low)
    for x, y in zip(ours, theirs, strict=True):
        assert x.dtype == jnp.float32
        np.testing.assert_allclose(x, y, atol=1e-5)


def test_gradients_have_the_types_of_their_operands():
    a, b, g = operands("ni,io->no", "bfloat16")
    da, db = gradients(
        lambda a, b: product("ni,io->no", a, b.astype("float32"), "bfloat16"), a, b, g
    )
    assert da.dtype == db.dtype == jnp.bfloat16


def dropped(shape, rate, seed=0):
    """Which positions dropout makes 0, and its output for ones."""
    rngs = {"dropout": jax.random.key(seed)}
    out = np.asarray(Dropout(rate).apply({}, jnp.ones(shape), False, rngs=rngs))
    return out == 0, out


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_keeps_its_share_everywhere_and_the_mean(rate):
    zero, out = dropped((64, 12, 40, 40), rate)
    np.testing.assert_allclose(out[~zero], 1 / (1 - rate), rtol=1e-6)
    for axis in range(4):  # no slice is favoured; 5 deviations
        share = zero.mean(axis=tuple(a for a in range(4) if a != axis))
        deviation = (rate * (1 - rate) / (zero.size / len(share))) ** 0.5
        assert np.abs(share - rate).max() < 5 * deviation


def test_dropout_of_neighbours_rows_and_keys_is_independent():
    zero, _ = dropped((1000, 1000), 0.5)
    other, _ = dropped((1000, 1000), 0.5, seed=1)
    pairs = {
        "neighbours": (zero[:, 1:], zero[:, :-1]),
        "two apart": (zero[:, 2:], zero[:, :-2]),
        "rows": (zero[1:], zero[:-1]),
        "keys": (zero, other),
    }
    for name, (a, b) in pairs.items():
        assert abs((a == b).mean() - 0.5) < 5 * 0.5 / a.size**0.5, name


def test_dropout_is_nothing_without_a_rate_or_when_deterministic():
    x = jnp.arange(4.0)
    assert Dropout(0.0).apply({}, x, False) is x
    assert Dropout(0.5).apply({}, x, True) is x
