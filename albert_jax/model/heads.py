"""What is predicted from hidden states: masked words, sentence order, classes."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from albert_jax.model.config import AlbertConfig
from albert_jax.model.layers import Dense, Dropout, activation, layer_norm, product


class MaskedLMHead(nn.Module):
    """Words from hidden states, tied to the token table (google-research/albert, run_pretraining.py)."""

    config: AlbertConfig

    @nn.compact
    def __call__(self, x: jax.Array, table: jax.Array) -> jax.Array:
        """x [B, M, D] at masked positions only, table [V, E] -> logits float32 [B, M, V]."""
        cfg = self.config
        x = activation(cfg, Dense(cfg, cfg.embedding_size, name="transform")(x))  # [B, M, E]
        x = layer_norm(cfg, "norm")(x)
        bias = self.param("bias", nn.initializers.zeros, (cfg.vocab_size,))
        return product("bme,ve->bmv", x, table, cfg.dtype) + bias[None, None]


class SentenceHead(nn.Module):
    """Order or continuation from the pooled [CLS]; no dropout, as in the original."""

    config: AlbertConfig

    @nn.compact
    def __call__(self, pooled: jax.Array) -> jax.Array:
        """pooled [B, N, D] -> logits float32 [B, N, 2]; class 0: in order, class 1: swapped or foreign."""
        return Dense(self.config, 2, name="classifier")(pooled.astype(jnp.float32))


class Classifier(nn.Module):
    """Classes or a score from pooled or per-token states, after `classifier_dropout`."""

    config: AlbertConfig
    num_classes: int

    @nn.compact
    def __call__(self, x: jax.Array, deterministic: bool = True) -> jax.Array:
        """x [..., D] -> logits float32 [..., num_classes]."""
        x = Dropout(self.config.classifier_dropout)(x, deterministic=deterministic)
        return Dense(self.config, self.num_classes, name="classifier")(x)
