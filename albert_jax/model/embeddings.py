"""Factorised embeddings: tokens, positions and types in E dimensions, then one projection to D."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from albert_jax.model.config import AlbertConfig
from albert_jax.model.layers import Dense, Dropout, initializer, layer_norm


class Embeddings(nn.Module):
    """Token ids -> hidden states (Lan et al. 2020, section 3.1, "factorized embedding parameterization").

    Where E = D there is no projection, as in google-research/albert's modeling.py, unless the config
    asks for one, as transformers' ALBERT has.
    """

    config: AlbertConfig

    def setup(self):
        cfg = self.config
        self.tokens = self._table(
            "tokens", cfg.vocab_size
        )  # [V, E]; the masked-LM head is tied to it
        self.positions = self._table("positions", cfg.max_positions)
        self.types = self._table("types", cfg.num_types)
        self.norm = layer_norm(cfg, name=None)
        self.dropout = Dropout(cfg.hidden_dropout)
        if cfg.has_projection:
            self.projection = Dense(cfg, cfg.hidden_size)

    def __call__(
        self, tokens: jax.Array, token_types: jax.Array, positions: jax.Array, deterministic: bool
    ) -> jax.Array:
        """int32 [B, L] three times -> [B, L, D] in the compute dtype."""
        x = self._embed(tokens, token_types, positions)  # [B, L, E]
        x = self.dropout(self.norm(x), deterministic=deterministic)
        if self.config.has_projection:
            x = self.projection(x)  # [B, L, D]
        return x.astype(self.config.dtype)

    def _embed(self, tokens, token_types, positions):
        look_up = jnp.take  # an id outside the table gives NaN, not a neighbour's row
        x = look_up(self.tokens, tokens, axis=0) + look_up(self.positions, positions, axis=0)
        return x + look_up(self.types, token_types, axis=0)

    def _table(self, name: str, rows: int) -> jax.Array:
        return self.param(name, initializer(self.config), (rows, self.config.embedding_size))
