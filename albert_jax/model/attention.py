"""Multi-head self-attention inside packed examples, and the kernels behind it.

Attention stays inside an example: position i sees position j where their `example_ids` are equal. Padding
(id 0) sees padding only, so no row of the softmax is empty and nothing real depends on padding.
"""

import math
from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp

from albert_jax.model.config import AlbertConfig
from albert_jax.model.layers import Dense, layer_norm, product

# q, k, v [B, L, H, K], example_ids [B, L], dropout of the probabilities [B, H, L, L] -> [B, L, H, K]
Kernel = Callable[..., jax.Array]
Dropout = Callable[[jax.Array], jax.Array]


def plain(q: jax.Array, k: jax.Array, v: jax.Array, example_ids: jax.Array, dropout: Dropout):
    """Attention as written in the paper; the softmax and both accumulations in float32."""
    q, k, v = (jnp.swapaxes(x, 1, 2) for x in (q, k, v))  # [B, H, L, K]
    scores = product("bhlk,bhmk->bhlm", q, k, q.dtype) / math.sqrt(q.shape[-1])
    scores = jnp.where(_same_example(example_ids), scores, jnp.finfo(jnp.float32).min)
    probabilities = dropout(jax.nn.softmax(scores, axis=-1))  # [B, H, L, L]
    context = product("bhlm,bhmk->bhlk", probabilities, v, v.dtype)
    return jnp.swapaxes(context, 1, 2).astype(v.dtype)


def fused(q: jax.Array, k: jax.Array, v: jax.Array, example_ids: jax.Array, dropout: Dropout):
    """jax.nn.dot_product_attention: cuDNN's flash attention on a GPU. It has no dropout."""
    del dropout
    return jax.nn.dot_product_attention(q, k, v, mask=_same_example(example_ids))


KERNELS: dict[str, Kernel] = {"plain": plain, "fused": fused}


def _same_example(example_ids: jax.Array) -> jax.Array:
    return (example_ids[:, :, None] == example_ids[:, None, :])[:, None]  # [B, 1, L, L]


class Attention(nn.Module):
    """The attention half of a block: self-attention, dropout, residual, LayerNorm (post-LN)."""

    config: AlbertConfig

    @nn.compact
    def __call__(self, x: jax.Array, example_ids: jax.Array, deterministic: bool) -> jax.Array:
        """x [B, L, D], example_ids int32 [B, L] -> [B, L, D]."""
        cfg = self.config
        q, k, v = (self._heads(x, name) for name in ("query", "key", "value"))  # [B, L, H, K]
        dropout = nn.Dropout(cfg.attention_dropout, deterministic=deterministic)
        context = KERNELS[cfg.attention_kernel](q, k, v, example_ids, dropout)
        y = Dense(cfg, cfg.hidden_size, name="output")(context.reshape(x.shape))
        y = nn.Dropout(cfg.hidden_dropout)(y, deterministic=deterministic)
        return layer_norm(cfg, "norm")(x + y).astype(cfg.dtype)

    def _heads(self, x: jax.Array, name: str) -> jax.Array:
        cfg = self.config
        y = Dense(cfg, cfg.hidden_size, name=name)(x).astype(cfg.dtype)
        return y.reshape(*x.shape[:-1], cfg.num_heads, cfg.head_size)
