"""Spans by beam search: the best starts, and for each of them the best ends; the head of XLNet on SQuAD 2.0.

A span begins and ends at [CLS], which stands for no answer, or in the second text.
"""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from albert_jax.model.albert import Batch, gather
from albert_jax.model.config import AlbertConfig
from albert_jax.model.layers import Dense, Dropout, layer_norm, product


class Beam(NamedTuple):
    """The best spans of every packed example; positions are counted from its [CLS]."""

    starts: jax.Array  # int32 [B, N, K]
    start_scores: jax.Array  # log P(start) [B, N, K]
    ends: jax.Array  # int32 [B, N, K, K], the best for each start
    end_scores: jax.Array  # log P(end | start) [B, N, K, K]
    no_answer: jax.Array  # logit [B, N]


class SpanScores(NamedTuple):
    """Of every packed example, with the end seen from the true start."""

    start: jax.Array  # log P [B, N, L]
    end: jax.Array  # log P [B, N, L]
    no_answer: jax.Array  # logit [B, N]


class BeamHead(nn.Module):
    """Start, end given the start, and whether there is an answer (google-research/albert, run_squad_v2.py).

    The end is seen from the true start in training, else from each of the K best ones.
    """

    config: AlbertConfig
    width: int = 5  # K

    def setup(self):
        cfg = self.config
        self.start = Dense(cfg, 1)
        # One dense layer of a position and a start side by side, written as a sum.
        self.end_position = Dense(cfg, cfg.hidden_size)
        self.end_start = Dense(cfg, cfg.hidden_size, use_bias=False)
        self.end_norm = layer_norm(cfg, name=None)
        self.end = Dense(cfg, 1)
        self.answer_hidden = Dense(cfg, cfg.hidden_size)
        self.dropout = Dropout(cfg.classifier_dropout)
        self.answer = Dense(cfg, 1, use_bias=False)

    def __call__(
        self, x: jax.Array, batch: Batch, starts: jax.Array | None = None
    ) -> Beam | SpanScores:
        """x [B, L, D]; in training with the true starts int32 [B, N], positions in the row."""
        own, cls = _spannable(batch), batch["cls_positions"]  # [B, N, L], [B, N]
        start = _log_softmax(self.start(x)[..., 0], own)
        no_answer = self._no_answer(x, cls, start, deterministic=starts is None)
        from_position = self.end_position(x)  # [B, L, D]
        if starts is not None:
            from_start = self.end_start(gather(x, starts))  # [B, N, D]
            end = self._end(from_position, from_start, batch["example_ids"])
            return SpanScores(start, _log_softmax(end, own), no_answer)
        start_scores, best = jax.lax.top_k(start, self.width)  # [B, N, K]
        found = []
        for k in range(self.width):
            from_start = self.end_start(gather(x, best[..., k]))
            end = self._end(from_position, from_start, batch["example_ids"])
            found.append(jax.lax.top_k(_log_softmax(end, own), self.width))
        end_scores, end = (jnp.stack(values, axis=2) for values in zip(*found, strict=True))
        starts, ends = best - cls[..., None], end - cls[..., None, None]
        return Beam(starts, start_scores, ends, end_scores, no_answer)

    def _end(self, from_position: jax.Array, from_start: jax.Array, ids: jax.Array) -> jax.Array:
        """Of every position the logit for the end, seen from the start of its example: [B, L]."""
        from_start = gather(from_start, jnp.maximum(ids - 1, 0))  # [B, L, D]
        hidden = self.end_norm(jnp.tanh(from_position + from_start))
        return self.end(hidden)[..., 0]

    def _no_answer(
        self, x: jax.Array, cls: jax.Array, start: jax.Array, deterministic: bool
    ) -> jax.Array:
        """The logit for no answer, from the mean start and [CLS]: [B, N]."""
        mean = product("bnl,bld->bnd", jnp.exp(start), x, self.config.dtype)
        both = jnp.concatenate([mean, gather(x, cls)], axis=-1)  # [B, N, 2 D]
        hidden = jnp.tanh(self.answer_hidden(both))
        return self.answer(self.dropout(hidden, deterministic=deterministic))[..., 0]


def _spannable(batch: Batch) -> jax.Array:
    """Which positions each packed example may answer with, bool [B, N, L]: [CLS] and the second text,
    without the [SEP] that ends it."""
    ids, cls = batch["example_ids"], batch["cls_positions"]
    is_last = ids != jnp.pad(ids[:, 1:], [(0, 0), (0, 1)])
    is_text = (batch["token_types"] == 1) & ~is_last
    is_cls = jnp.arange(ids.shape[1])[None, None] == cls[..., None]
    own = ids[:, None] == 1 + jnp.arange(cls.shape[1])[None, :, None]
    return own & (is_text[:, None] | is_cls)


def _log_softmax(logits: jax.Array, own: jax.Array) -> jax.Array:
    """Logits [B, L] -> log probabilities within each example [B, N, L]."""
    return jax.nn.log_softmax(jnp.where(own, logits[:, None], -1e30), axis=-1)
