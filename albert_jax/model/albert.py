"""Embeddings -> encoder -> pooler, and the model that is pretrained."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from albert_jax.model.config import AlbertConfig
from albert_jax.model.embeddings import Embeddings
from albert_jax.model.encoder import Encoder
from albert_jax.model.heads import MaskedLMHead, SentenceHead
from albert_jax.model.layers import Dense

Batch = dict[str, jax.Array]


class Albert(nn.Module):
    """The encoder every task starts from."""

    config: AlbertConfig

    def setup(self):
        self.embeddings = Embeddings(self.config)
        self.encoder = Encoder(self.config)
        self.pooler = Dense(self.config, self.config.hidden_size)

    def __call__(self, batch: Batch, deterministic: bool = True) -> tuple[jax.Array, jax.Array]:
        """A batch -> (hidden states [B, L, D], pooled [CLS] of every packed example [B, N, D])."""
        x, _ = self.encoder(self.embed(batch, deterministic), batch["example_ids"], deterministic)
        return x, self.pool(x, batch["cls_positions"])

    def embed(self, batch: Batch, deterministic: bool = True) -> jax.Array:
        """The input of the first block [B, L, D]."""
        return self.embeddings(
            batch["tokens"], batch["token_types"], batch["positions"], deterministic
        )

    def pool(self, x: jax.Array, cls_positions: jax.Array) -> jax.Array:
        """Hidden states [B, L, D] -> tanh of a dense layer at the [CLS] positions, float32 [B, N, D]."""
        return jnp.tanh(self.pooler(gather(x, cls_positions)))

    def layers(self, batch: Batch) -> jax.Array:
        """The input of the first block and the output of each, [blocks + 1, B, L, D]."""
        x = self.embed(batch)
        outputs = self.encoder(x, batch["example_ids"], True, every_layer=True)[1]
        return jnp.concatenate([x[None], jnp.asarray(outputs)])


class AlbertForPretraining(nn.Module):
    """ALBERT with its two pretraining heads: masked words and sentence order."""

    config: AlbertConfig

    def setup(self):
        self.albert = Albert(self.config)
        self.mlm = MaskedLMHead(self.config)
        self.sentence = SentenceHead(self.config)

    def __call__(self, batch: Batch, deterministic: bool = True) -> tuple[jax.Array, jax.Array]:
        """A batch -> (masked-LM logits [B, M, V], sentence logits [B, N, 2]), both float32."""
        x, pooled = self.albert(batch, deterministic)
        masked = gather(x, batch["mlm_positions"])  # [B, M, D]
        return self.mlm(masked, self.albert.embeddings.tokens), self.sentence(pooled)


def gather(x: jax.Array, positions: jax.Array) -> jax.Array:
    """x [B, L, D] at int32 positions [B, P] -> [B, P, D]."""
    return jnp.take_along_axis(x, positions[:, :, None], axis=1)


def abstract_batch(rows: int, length: int, predictions: int, examples: int) -> dict[str, Any]:
    """The batch layout as shapes and dtypes (design: tokens [B, L], predictions [B, M], examples [B, N])."""
    widths = dict.fromkeys(("tokens", "token_types", "positions", "example_ids"), length)
    widths |= dict.fromkeys(("mlm_positions", "mlm_targets", "mlm_weights"), predictions)
    widths |= dict.fromkeys(("cls_positions", "sentence_labels", "sentence_weights"), examples)
    return {
        name: jax.ShapeDtypeStruct((rows, width), jnp.float32 if "weights" in name else jnp.int32)
        for name, width in widths.items()
    }
