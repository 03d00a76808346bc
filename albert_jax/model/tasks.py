"""The encoder with the head of a task on it.

Heads of the kinds "sequence", "choice", "token" and "span" have the parameters that transformers' heads
have, {"albert": ..., "classifier": {"classifier": ...}}; where nothing reads [CLS] there is no pooler.
"""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from albert_jax.model.albert import Albert, Batch
from albert_jax.model.config import AlbertConfig
from albert_jax.model.heads import Classifier
from albert_jax.model.layers import product
from albert_jax.model.spans import Beam, BeamHead, SpanScores


class AlbertForTask(nn.Module):
    """ALBERT for a kind of task (tasks/task.py lists them).

    Attributes:
      config: of the encoder.
      kind: a key of OUTPUTS.
      size: outputs of the dense layer: classes, 1 for a score or an option, 2 for a span.
    """

    config: AlbertConfig
    kind: str
    size: int

    def setup(self):
        self.albert = Albert(self.config)
        self.classifier: Any = (  # what it takes and gives depends on the kind
            BeamHead(self.config) if self.kind == "beam" else Classifier(self.config, self.size)
        )

    def __call__(self, batch: Batch, deterministic: bool = True):
        """A batch -> what OUTPUTS says for the kind of task, float32."""
        return self.answer(self.albert.embed(batch, deterministic), batch, deterministic)

    def answer(self, x: jax.Array, batch: Batch, deterministic: bool = True):
        """What `__call__` gives, from an input of the first block [B, L, D] instead of tokens."""
        x, _ = self.albert.encoder(x, batch["example_ids"], deterministic)
        return OUTPUTS[self.kind](self, x, batch, deterministic)


def _examples(model: AlbertForTask, x: jax.Array, batch: Batch, deterministic: bool) -> jax.Array:
    """Of every packed example, from the pooled [CLS]: [B, N, size]."""
    return model.classifier(model.albert.pool(x, batch["cls_positions"]), deterministic)


def _tokens(model: AlbertForTask, x: jax.Array, batch: Batch, deterministic: bool) -> jax.Array:
    """Of every position: [B, L, size]."""
    return model.classifier(x, deterministic)


def _ends(model: AlbertForTask, x: jax.Array, batch: Batch, deterministic: bool) -> jax.Array:
    """Start and end of a span, of every position [B, L, 2]; no dropout, as in the original."""
    return model.classifier(x)


def _beams(
    model: AlbertForTask, x: jax.Array, batch: Batch, deterministic: bool
) -> Beam | SpanScores:
    """The best spans of every packed example; in training the scores of all, given the true start."""
    if deterministic:
        return model.classifier(x, batch)
    of_items = batch["labels"][:, 0].at[batch["items"]]
    start = of_items.get(mode="fill", fill_value=0, wrap_negative_indices=False)  # [B, N]
    return model.classifier(x, batch, batch["cls_positions"] + start)


def _means(model: AlbertForTask, x: jax.Array, batch: Batch, deterministic: bool) -> jax.Array:
    """The mean hidden state of every packed example, of length one: [B, N, D]; 0 where there is none.

    [CLS] and [SEP] count, as in sentence-transformers; there are no parameters.
    """
    slots = 1 + jnp.arange(batch["cls_positions"].shape[1])
    own = batch["example_ids"][:, None] == slots[None, :, None]  # [B, N, L]
    sums = product("bnl,bld->bnd", own, x, "float32")
    return sums * jax.lax.rsqrt(jnp.maximum(jnp.square(sums).sum(-1, keepdims=True), 1e-24))


# By kind of head: (model, last hidden states [B, L, D], batch, deterministic) -> outputs.
OUTPUTS: dict[str, Callable] = {
    "sequence": _examples,
    "choice": _examples,
    "token": _tokens,
    "span": _ends,
    "beam": _beams,
    "embedding": _means,
}
