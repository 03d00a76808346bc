"""The three layers everything is made of: dense, layer normalisation, activation.

One rule of precision: matrices are multiplied in `config.dtype` and accumulated in float32; parameters,
biases and LayerNorm are float32.
"""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp

from albert_jax.model.config import AlbertConfig

ACTIVATIONS = {
    "gelu_tanh": partial(jax.nn.gelu, approximate=True),  # the released code's, in every version
    "gelu_erf": partial(jax.nn.gelu, approximate=False),
    "relu": jax.nn.relu,
}


def initializer(config: AlbertConfig):
    """TensorFlow's truncated normal: cut at two deviations and not rescaled (real std 0.88 of it)."""
    return nn.initializers.truncated_normal(config.initializer_range)


def matmul(x: jax.Array, kernel: jax.Array, dtype: str) -> jax.Array:
    """x [..., I] times kernel [I, O] in `dtype`, accumulated and returned in float32 [..., O]."""
    return jnp.matmul(x.astype(dtype), kernel.astype(dtype), preferred_element_type=jnp.float32)


class Dense(nn.Module):
    """x [..., I] -> [..., features] in float32, kernel [I, features] and bias [features]."""

    config: AlbertConfig
    features: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        shape = (x.shape[-1], self.features)
        kernel = self.param("kernel", initializer(self.config), shape)
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        return matmul(x, kernel, self.config.dtype) + bias.reshape((1,) * (x.ndim - 1) + (-1,))


def layer_norm(config: AlbertConfig, name: str) -> nn.LayerNorm:
    """LayerNorm as TensorFlow's: tiny epsilon, two-pass variance; float32 in and out."""
    return nn.LayerNorm(
        epsilon=config.layer_norm_epsilon, dtype=jnp.float32, use_fast_variance=False, name=name
    )


def activation(config: AlbertConfig, x: jax.Array) -> jax.Array:
    """The activation function, in the precision of `x`."""
    return ACTIVATIONS[config.activation](x)
