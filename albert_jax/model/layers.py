"""What everything is made of: one product of matrices, dense, dropout, layer normalisation, activation.

One rule of precision: matrices are multiplied in `config.dtype` and accumulated in float32; parameters,
biases and LayerNorm are float32. How exactly float32 is multiplied is the backend's own: a TPU rounds the
factors to bfloat16, as TensorFlow did on it, a GPU to TF32, unless JAX_DEFAULT_MATMUL_PRECISION=highest.
"""

import math
import re
from collections.abc import Callable
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp

from albert_jax.model.config import AlbertConfig


def gelu_erf(x: jax.Array) -> jax.Array:
    """x times the normal distribution's share below x, as Hugging Face computes it.

    jax.nn.gelu has erfc in place of 1 + erf, which on a CPU is a seventh of a whole training step.
    """
    return x * (0.5 + 0.5 * jax.lax.erf(x * math.sqrt(0.5)))


ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "gelu_tanh": partial(jax.nn.gelu, approximate=True),  # the released code's, in every version
    "gelu_erf": gelu_erf,
    "relu": jax.nn.relu,
}


def initializer(config: AlbertConfig):
    """TensorFlow's truncated normal: cut at two deviations and not rescaled (real std 0.88 of it)."""
    return nn.initializers.truncated_normal(config.initializer_range)


@partial(jax.custom_vjp, nondiff_argnums=(0, 3))
def product(spec: str, a: jax.Array, b: jax.Array, dtype: str) -> jax.Array:
    """jnp.einsum(spec, a, b), multiplied in `dtype`, accumulated and returned in float32.

    Its derivative keeps to the same rule. JAX's own would multiply the float32 cotangent with an
    operand in `dtype`, which is no fast case anywhere. Every index of an operand must stand in the
    other operand or in the result.
    """
    return multiply(spec, a.astype(dtype), b.astype(dtype))


def _forward(spec: str, a: jax.Array, b: jax.Array, dtype: str):
    # The casts are kept, not the operands; empty arrays carry the dtypes that the gradients need.
    low = a.astype(dtype), b.astype(dtype)
    return multiply(spec, *low), (*low, jnp.zeros(0, a.dtype), jnp.zeros(0, b.dtype))


def _backward(spec: str, dtype: str, kept: tuple, g: jax.Array) -> tuple[jax.Array, jax.Array]:
    a, b, like_a, like_b = kept
    left, right, out = re.split(",|->", spec)
    g = g.astype(dtype)
    da = multiply(f"{out},{right}->{left}", g, b)
    if spec == "ni,io->no":  # the gradient of a dense layer's weights
        db = multiply("in,no->io", transpose(a), g)
    else:
        db = multiply(f"{left},{out}->{right}", a, g)
    return da.astype(like_a.dtype), db.astype(like_b.dtype)


product.defvjp(_forward, _backward)


def multiply(spec: str, a: jax.Array, b: jax.Array) -> jax.Array:
    """An einsum in the precision of its operands, accumulated and returned in float32."""
    return jnp.einsum(spec, a, b, preferred_element_type=jnp.float32)


def transpose(x: jax.Array) -> jax.Array:
    """x [..., n, i] -> [..., i, n], on a CPU in bfloat16 so that it lies in memory that way.

    A bfloat16 product that sums over the rows of both operands, as every weight gradient is, takes
    a CPU's fast path only so. XLA would leave the data where they are and call it another layout;
    a transpose in blocks it does not see through, and copies.
    """
    transposed = jnp.swapaxes(x, -1, -2)
    if x.dtype != jnp.bfloat16:
        return transposed

    def in_blocks(transposed: jax.Array) -> jax.Array:
        *rest, i, n = transposed.shape
        size = math.gcd(i, n, 64)
        x = jnp.swapaxes(transposed, -1, -2).reshape(-1, n // size, size, i // size, size)
        return x.transpose(0, 3, 4, 1, 2).reshape(*rest, i, n)

    return jax.lax.platform_dependent(transposed, cpu=in_blocks, default=lambda x: x)


class Dense(nn.Module):
    """x [..., I] -> [..., features] in float32, kernel [I, features] and bias [features]."""

    config: AlbertConfig
    features: int
    use_bias: bool = True

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        shape = (x.shape[-1], self.features)
        kernel = self.param("kernel", initializer(self.config), shape)
        y = product("ni,io->no", x.reshape(-1, x.shape[-1]), kernel, self.config.dtype)
        if self.use_bias:
            y += self.param("bias", nn.initializers.zeros, (self.features,))[None]
        return y.reshape(*x.shape[:-1], self.features)


class Dropout(nn.Module):
    """Zeros with probability `rate`, and what is left scaled up to keep its mean.

    Which ones is a hash of (key, position): the finaliser of MurmurHash3. JAX's own generator is made
    for more than this and takes thirty times as long on a CPU; here a mask costs no more than a
    copy, and no device needs another's part of it.
    """

    rate: float

    @nn.compact
    def __call__(self, x: jax.Array, deterministic: bool) -> jax.Array:
        """x, any shape -> the same; the key is the stream "dropout"."""
        if deterministic or self.rate == 0:
            return x
        kept = _hashed(self.make_rng("dropout"), x.shape) >= jnp.uint32(int(self.rate * 2**32))
        return jnp.where(kept, x / (1 - self.rate), jnp.zeros((), x.dtype))


def _hashed(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Evenly spread uint32, one for each position."""
    first, second = jax.random.key_data(key)
    x = jnp.zeros(shape, jnp.uint32)
    for axis, size in enumerate(shape):
        x = x * jnp.uint32(size) + jax.lax.broadcasted_iota(jnp.uint32, shape, axis)
    x = (x ^ first) * jnp.uint32(0x9E3779B1) + second
    x = (x ^ (x >> 16)) * jnp.uint32(0x85EBCA6B)
    x = (x ^ (x >> 13)) * jnp.uint32(0xC2B2AE35)
    return x ^ (x >> 16)


def layer_norm(config: AlbertConfig, name: str | None) -> nn.LayerNorm:
    """LayerNorm as TensorFlow's: tiny epsilon, two-pass variance; float32 in and out."""
    return nn.LayerNorm(
        epsilon=config.layer_norm_epsilon, dtype=jnp.float32, use_fast_variance=False, name=name
    )


def activation(config: AlbertConfig, x: jax.Array) -> jax.Array:
    """The activation function, in the precision of `x`."""
    return ACTIVATIONS[config.activation](x)
