"""Multi-head self-attention inside packed examples: the attention half of a block."""

from functools import partial

import flax.linen as nn
import jax

from albert_jax.model import platform
from albert_jax.model.config import AlbertConfig
from albert_jax.model.kernels import KERNELS
from albert_jax.model.layers import Dense, Dropout, layer_norm


class Attention(nn.Module):
    """The attention half of a block: self-attention, dropout, residual, LayerNorm (post-LN)."""

    config: AlbertConfig

    @nn.compact
    def __call__(self, x: jax.Array, example_ids: jax.Array, deterministic: bool) -> jax.Array:
        """x [B, L, D], example_ids int32 [B, L] -> [B, L, D]."""
        cfg = self.config
        q, k, v = (self._heads(x, name) for name in ("query", "key", "value"))  # [B, L, H, K]
        dropout = partial(Dropout(cfg.attention_dropout), deterministic=deterministic)
        kernel = KERNELS[platform.attention_kernel(cfg, x.shape[1])]
        context = kernel(q, k, v, example_ids, dropout)
        y = Dense(cfg, cfg.hidden_size, name="output")(context.reshape(x.shape))
        y = Dropout(cfg.hidden_dropout)(y, deterministic=deterministic)
        return layer_norm(cfg, "norm")(x + y).astype(cfg.dtype)

    def _heads(self, x: jax.Array, name: str) -> jax.Array:
        cfg = self.config
        y = Dense(cfg, cfg.hidden_size, name=name)(x).astype(cfg.dtype)
        return y.reshape(*x.shape[:-1], cfg.num_heads, cfg.head_size)
