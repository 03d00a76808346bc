"""What every head of every block looks at, for a view of one example."""

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from albert_jax.model.albert import Albert, Batch
from albert_jax.model.config import AlbertConfig
from albert_jax.model.layers import product
from albert_jax.training.state import Params


def attention_maps(config: AlbertConfig, params: Params, batch: Batch) -> np.ndarray:
    """Attention probabilities of one example.

    Args:
      config: of the encoder.
      params: of the encoder: embeddings, encoder.
      batch: one row without padding.

    Returns:
      float32 [blocks, H, L, L]; of each query (third axis) they add up to 1 over what it looks at.
    """
    return np.asarray(jax.jit(partial(_maps, config))(params, batch))


def _maps(config: AlbertConfig, params: Params, batch: Batch) -> jax.Array:
    layers: Any = Albert(config).apply({"params": params}, batch, method="layers")
    inputs = layers[:-1, 0]
    attention, copies = params["encoder"]["attention"], config.num_copies["attention"]

    def block(inputs: tuple[jax.Array, jax.Array]) -> jax.Array:
        x, which = inputs
        own = attention if copies == 1 else jax.tree.map(lambda p: jnp.asarray(p)[which], attention)
        return _probabilities(config, own, x)

    return jax.lax.map(block, (inputs, jnp.array(_sets(config))))


def _sets(config: AlbertConfig) -> list[int]:
    """Which of the copies of the attention parameters each block uses."""
    if config.num_copies["attention"] == config.num_blocks:
        return list(range(config.num_blocks))
    return [config.shared_copy(block) for block in range(config.num_blocks)]


def _probabilities(config: AlbertConfig, params: Params, x: jax.Array) -> jax.Array:
    """x [L, D] -> [H, L, L]."""

    def heads(name: str) -> jax.Array:
        y = product("ni,io->no", x, params[name]["kernel"], config.dtype)
        return (y + params[name]["bias"][None]).reshape(-1, config.num_heads, config.head_size)

    scores = product("lhk,mhk->hlm", heads("query"), heads("key"), config.dtype)
    return jax.nn.softmax(scores / math.sqrt(config.head_size), axis=-1)
